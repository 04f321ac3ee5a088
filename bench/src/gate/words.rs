//! A gate's answer for people: one sentence, a table for the terminal, and `summary.md` for the pull request.

use super::answer::{Answer, Figures, Startup};
use super::counts::Range;
use super::decide::Verdict;
use crate::report::page::markdown_cell;
use crate::stats::{bootstrap, show};
use crate::table;
use comfy_table::{CellAlignment, Table};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

/// The answer in one sentence, from the figures and no more.
pub fn sentence(answer: &Answer) -> String {
    let allowed = percent(answer.allowed.max_slowdown);
    let found = |verdict| answer.startup.iter().find(move |row| row.verdict == verdict);
    match answer.verdict {
        Verdict::Pass => {
            let seen =
                answer.startup.iter().filter_map(|row| Some(row.effect?.detectable)).fold(0.0, f64::max);
            let times = format!(
                "no start-up is more than {allowed} slower; this run could have seen {} everywhere",
                percent(seen)
            );
            let calls = "no launch makes more system calls than allowed";
            match (answer.startup.is_empty(), answer.counts.is_empty()) {
                (true, _) => format!("Pass: {calls}."),
                (false, true) => format!("Pass: {times}."),
                (false, false) => format!("Pass: {times}; {calls}."),
            }
        }
        Verdict::Fail => {
            if let Some((row, effect)) = found(Verdict::Fail).and_then(|row| Some((row, row.effect?))) {
                let (low, high) = (change(effect.low), change(effect.high));
                return format!(
                    "Fail: {} of {} changes by {} ({low} to {high}), where {allowed} slower is allowed.",
                    row.clock,
                    row.stack,
                    change(effect.ratio),
                );
            }
            if let Some(row) = answer.counts.iter().find(|row| row.verdict == Verdict::Fail) {
                let (a, b) = (range(row.a), range(row.b));
                return format!("Fail: a launch of {} makes {b} system calls, where it made {a}.", row.stack);
            }
            let refused = answer.refused.iter().find(|row| row.verdict == Some(Verdict::Fail));
            let (stack, why) =
                refused.map_or((String::new(), ""), |row| (row.stack.to_string(), &row.reason));
            format!("Fail: B cannot run {stack}, which A can: {why}.")
        }
        Verdict::Inconclusive => format!("Inconclusive: {}.", why_not(answer, found(Verdict::Inconclusive))),
    }
}

/// Why a run cannot tell, and what would help.
fn why_not(answer: &Answer, row: Option<&Startup>) -> String {
    if let Some(why) = &answer.partial {
        return why.clone();
    }
    let Some(row) = row else {
        return if answer.counts.is_empty() {
            "nothing could be compared here".into()
        } else {
            "the numbers of system calls differ from launch to launch and overlap".into()
        };
    };
    let which = format!("{} of {}", row.clock, row.stack);
    match (&row.flaw, row.effect) {
        (Some(flaw), _) => format!("{which}: {flaw}"),
        (None, Some(effect)) if effect.detectable >= answer.allowed.max_slowdown => format!(
            "of {which} this run could have seen a slowdown of {} or more, and {} is asked for; raise --runs, or \
             find a calmer machine",
            percent(effect.detectable),
            percent(answer.allowed.max_slowdown)
        ),
        (None, Some(effect)) => format!(
            "{which} changes by {} to {}, and the limit of {} lies between; raise --runs",
            change(effect.low),
            change(effect.high),
            percent(answer.allowed.max_slowdown)
        ),
        (None, None) => format!("{which} has no figures"),
    }
}

/// What an A/A run says of this machine now.
pub fn noise_floor(answer: &Answer) -> String {
    let rows = || answer.startup.iter().filter_map(|row| Some((row, row.effect?)));
    let Some((row, worst)) = rows().max_by(|(_, a), (_, b)| a.detectable.total_cmp(&b.detectable)) else {
        return "Self-check: nothing could be measured.".into();
    };
    let same = rows().filter(|(_, effect)| effect.low <= 1.0 && 1.0 <= effect.high).count();
    format!(
        "Self-check: this build against itself, n = {}. The smallest slowdown that such a run sees here and now is {} \
         ({} of {}); of {} intervals, {same} contain \"no difference\" (95 % of them should).",
        row.n,
        percent(worst.detectable),
        row.clock,
        row.stack,
        rows().count(),
    )
}

/// The table for the terminal: times, then calls. Ends in a line feed.
pub fn table(answer: &Answer) -> String {
    let sheet = |head: &[&str], rows: Vec<Vec<String>>| {
        let mut sheet = Table::new();
        sheet.load_style(table::STYLE).set_header(head).add_rows(rows);
        let words = head.iter().take_while(|name| ["stack", "clock"].contains(name)).count();
        sheet.column_iter_mut().skip(words).for_each(|column| {
            column.set_cell_alignment(CellAlignment::Right);
        });
        format!("{sheet}\n")
    };
    let mut text = String::new();
    if !answer.startup.is_empty() {
        let rows = answer.startup.iter().map(|row| {
            let [interval, p, seen] = cells(row);
            let ratio = row.effect.map_or(show::NONE.into(), |effect| change(effect.ratio));
            let times = [row.a_ms, row.b_ms].map(show::ms);
            let [a, b] = times;
            vec![
                row.stack.to_string(),
                row.clock.into(),
                row.n.to_string(),
                a,
                b,
                ratio,
                interval,
                p,
                seen,
                word(row.verdict),
            ]
        });
        let head = ["stack", "clock", "n", "A", "B", "change", "95 % interval", "p", "could see", "verdict"];
        text += &sheet(&head, rows.collect());
    }
    if !answer.counts.is_empty() {
        let rows = answer.counts.iter().map(|row| {
            vec![row.stack.to_string(), range(row.a), range(row.b), differences(row), word(row.verdict)]
        });
        text += &sheet(&["stack", "calls of A", "of B", "what differs", "verdict"], rows.collect());
    }
    text
}

/// `summary.md`.
///
/// # Panics
///
/// If the template asks for what it is not given, which a test would have found.
pub fn summary(answer: &Answer) -> String {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates
        .set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build().expect("the usual syntax"));
    templates.add_filter("cell", markdown_cell);
    templates.add_template("summary.md", include_str!("summary.md.j2")).expect("the template is well formed");
    let template = templates.get_template("summary.md").expect("it was added above");
    template.render(values(answer)).expect("the template uses only what it is given")
}

fn values(answer: &Answer) -> Value {
    let build = |named: &super::answer::Named| {
        context! { name => named.name.clone(), commit => named.commit.id.clone(), dirty => named.commit.dirty }
    };
    context! {
        sentence => sentence(answer),
        a => build(&answer.a),
        b => build(&answer.b),
        startup => answer.startup.iter().map(|row| {
            let [interval, p, seen] = cells(row);
            let [a, b] = [row.a_ms, row.b_ms].map(show::ms);
            let ratio = row.effect.map_or(show::NONE.into(), |effect| change(effect.ratio));
            context! {
                stack => row.stack.name(), clock => row.clock, n => row.n, a, b, change => ratio, interval, p, seen,
                verdict => row.verdict.name(), failed => row.verdict == Verdict::Fail, flaw => row.flaw.clone(),
            }
        }).collect::<Vec<_>>(),
        counts => answer.counts.iter().map(|row| context! {
            stack => row.stack.name(), a => range(row.a), b => range(row.b), differences => differences(row),
            verdict => row.verdict.name(), failed => row.verdict == Verdict::Fail,
        }).collect::<Vec<_>>(),
        refused => answer.refused.iter().map(|row| context! {
            stack => row.stack.name(), build => row.build, reason => row.reason.clone(), fix => row.fix.clone(),
        }).collect::<Vec<_>>(),
        partial => answer.partial.clone(),
        allowed => percent(answer.allowed.max_slowdown),
        alpha => percent(answer.alpha),
        tolerance => answer.tolerance.map(percent),
        unit => if answer.tolerance.is_some() { "virtual ms" } else { "ms" },
        interval => bootstrap::method(),
        guest_kernel_emulated => answer.guest_kernel_emulated,
        warmup => answer.warmup,
        workload => answer.workload.clone(),
        host => answer.host.clone(),
        command => answer.command.clone(),
    }
}

/// Interval, adjusted p and smallest visible slowdown of a row.
fn cells(row: &Startup) -> [String; 3] {
    let effect = |text: &dyn Fn(Figures) -> String| row.effect.map_or(show::NONE.into(), text);
    [
        effect(&|effect| format!("{} to {}", change(effect.low), change(effect.high))),
        row.p.map_or(show::NONE.into(), |[_, adjusted]| show::p(adjusted)),
        effect(&|effect| percent(effect.detectable)),
    ]
}

/// "write 9 → 10, mount 6 → 5".
fn differences(row: &super::counts::Change) -> String {
    let one = |(name, [a, b]): (&String, &[Range; 2])| format!("{name} {} → {}", range(*a), range(*b));
    let all: Vec<_> = row.differences.iter().map(one).collect();
    if all.is_empty() { "nothing".into() } else { all.join(", ") }
}

fn word(verdict: Verdict) -> String {
    verdict.name().into()
}

fn range(Range { least, most }: Range) -> String {
    if least == most { most.to_string() } else { format!("{least} to {most}") }
}

/// A ratio as a change: 1.05 is "+5.00 %".
fn change(ratio: f64) -> String {
    format!("{:+.2} %", (ratio - 1.0) * 100.0)
}

/// A share: 0.05 is "5 %", 0.0123 "1.23 %".
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

//! A gate's answer for people: one sentence, a table for the terminal, and `summary.md` for the pull request.

use super::answer::Answer;
use super::counts::Range;
use super::decide::Verdict;
use super::judge::{Figures, Judged};
use crate::report::page::markdown_cell;
use crate::stats::{bootstrap, show};
use crate::table;
use comfy_table::{CellAlignment, Table};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

/// The answer in one sentence, from the figures and no more.
pub fn sentence(answer: &Answer) -> String {
    let found = |verdict| judged(answer).find(move |row| row.verdict == verdict);
    match answer.verdict {
        Verdict::Pass => format!("Pass: {}.", passed(answer)),
        Verdict::Fail => {
            if let Some((row, effect)) = found(Verdict::Fail).and_then(|row| Some((row, row.effect?))) {
                let (low, high) = (change(effect.low), change(effect.high));
                return format!(
                    "Fail: {} of {} changes by {} ({low} to {high}), where {} {} is allowed.",
                    row.figure,
                    row.stack,
                    change(effect.ratio),
                    percent(row.allowed),
                    if is_memory(answer, row) { "more" } else { "slower" },
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

/// Everything that has statistics.
fn judged(answer: &Answer) -> impl Iterator<Item = &Judged> {
    answer.startup.iter().chain(&answer.memory)
}

fn is_memory(answer: &Answer, row: &Judged) -> bool {
    answer.memory.iter().any(|one| std::ptr::eq(one, row))
}

/// What was shown of each kind of figure.
fn passed(answer: &Answer) -> String {
    let seen = |rows: &[Judged]| {
        percent(rows.iter().filter_map(|row| Some(row.effect?.detectable)).fold(0.0, f64::max))
    };
    let said = [
        (!answer.startup.is_empty()).then(|| {
            format!(
                "no start-up is more than {} slower; this run could have seen {} everywhere",
                percent(answer.allowed.max_slowdown),
                seen(&answer.startup)
            )
        }),
        (!answer.memory.is_empty()).then(|| {
            format!(
                "no idle instance takes more than {} more memory; this run could have seen {} everywhere",
                percent(answer.allowed.max_growth),
                seen(&answer.memory)
            )
        }),
        (!answer.counts.is_empty()).then(|| "no launch makes more system calls than allowed".into()),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Why a run cannot tell, and what would help.
fn why_not(answer: &Answer, row: Option<&Judged>) -> String {
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
    let which = format!("{} of {}", row.figure, row.stack);
    let (difference, more) =
        if is_memory(answer, row) { ("growth", "raise --instances") } else { ("slowdown", "raise --runs") };
    let allowed = percent(row.allowed);
    match (&row.flaw, row.effect) {
        (Some(flaw), _) => format!("{which}: {flaw}"),
        (None, Some(effect)) if effect.detectable >= row.allowed => format!(
            "of {which} this run could have seen a {difference} of {} or more, and {allowed} is asked for; {more}, or \
             find a calmer machine",
            percent(effect.detectable),
        ),
        (None, Some(effect)) => format!(
            "{which} changes by {} to {}, and the limit of {allowed} lies between; {more}",
            change(effect.low),
            change(effect.high),
        ),
        (None, None) => format!("{which} has no figures"),
    }
}

/// What an A/A run says of this machine now.
pub fn noise_floor(answer: &Answer) -> String {
    let rows = || judged(answer).filter_map(|row| Some((row, row.effect?)));
    let Some((row, worst)) = rows().max_by(|(_, a), (_, b)| a.detectable.total_cmp(&b.detectable)) else {
        return "Self-check: nothing could be measured.".into();
    };
    let same = rows().filter(|(_, effect)| effect.low <= 1.0 && 1.0 <= effect.high).count();
    format!(
        "Self-check: this build against itself, n = {}. The smallest change that such a run sees here and now is {} \
         ({} of {}); of {} intervals, {same} contain \"no difference\" (95 % of them should).",
        row.n,
        percent(worst.detectable),
        row.figure,
        row.stack,
        rows().count(),
    )
}

/// The table for the terminal: times, then calls. Ends in a line feed.
pub fn table(answer: &Answer) -> String {
    let sheet = |head: &[&str], rows: Vec<Vec<String>>| {
        let mut sheet = Table::new();
        sheet.load_style(table::STYLE).set_header(head).add_rows(rows);
        let words =
            head.iter().take_while(|name| ["stack", "clock", "KiB an instance"].contains(name)).count();
        sheet.column_iter_mut().skip(words).for_each(|column| {
            column.set_cell_alignment(CellAlignment::Right);
        });
        format!("{sheet}\n")
    };
    let mut text = String::new();
    let judged = |rows: &[Judged], figure, show: fn(f64) -> String| {
        let rows = rows.iter().map(|row| {
            let ratio = row.effect.map_or(show::NONE.into(), |effect| change(effect.ratio));
            let [interval, p, seen] = cells(row);
            vec![
                row.stack.to_string(),
                row.figure.into(),
                row.n.to_string(),
                show(row.a),
                show(row.b),
                ratio,
                interval,
                p,
                seen,
                word(row.verdict),
            ]
        });
        let head = ["stack", figure, "n", "A", "B", "change", "95 % interval", "p", "could see", "verdict"];
        if rows.len() == 0 { String::new() } else { sheet(&head, rows.collect()) }
    };
    text += &judged(&answer.startup, "clock", show::ms);
    text += &judged(&answer.memory, "KiB an instance", kib);
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
        startup => answer.startup.iter().map(|row| line(row, show::ms)).collect::<Vec<_>>(),
        memory => answer.memory.iter().map(|row| line(row, kib)).collect::<Vec<_>>(),
        counts => answer.counts.iter().map(|row| context! {
            stack => row.stack.name(), a => range(row.a), b => range(row.b), differences => differences(row),
            verdict => row.verdict.name(), failed => row.verdict == Verdict::Fail,
        }).collect::<Vec<_>>(),
        refused => answer.refused.iter().map(|row| context! {
            stack => row.stack.name(), build => row.build, reason => row.reason.clone(), fix => row.fix.clone(),
        }).collect::<Vec<_>>(),
        partial => answer.partial.clone(),
        allowed => percent(answer.allowed.max_slowdown),
        growth => percent(answer.allowed.max_growth),
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

/// A row of a table in `summary.md`.
fn line(row: &Judged, show: fn(f64) -> String) -> Value {
    let [interval, p, seen] = cells(row);
    let ratio = row.effect.map_or(show::NONE.into(), |effect| change(effect.ratio));
    context! {
        stack => row.stack.name(), figure => row.figure, n => row.n, a => show(row.a), b => show(row.b),
        change => ratio, interval, p, seen, verdict => row.verdict.name(), failed => row.verdict == Verdict::Fail,
        flaw => row.flaw.clone(),
    }
}

/// Memory, in KiB.
fn kib(kib: f64) -> String {
    format!("{kib:.1}")
}

/// Interval, adjusted p and smallest visible change of a row.
fn cells(row: &Judged) -> [String; 3] {
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

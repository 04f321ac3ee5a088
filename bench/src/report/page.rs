//! The pages: figures and circumstances in, HTML and Markdown out.
//!
//! The templates hold the words and the layout, this file hands them text that is ready to print.
//! In the HTML page everything is escaped but the charts, which are our own.

use super::answers::{self, Answer};
use super::drawing::{self, Drawing};
use super::measured::Measured;
use super::{parts, ranking, sentences};
use crate::chart;
use crate::host::EMULATED;
use crate::stats::{Clock, Figure, StackSummary, Summary, bootstrap, show};
use isolab_timeline::{Phase, Stack};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

/// Renders `report.html` and `summary.md`.
pub(super) fn render(measured: &Measured<'_>, drawings: &[Drawing], json: &[u8]) -> (String, String) {
    let mut templates = Environment::new();
    // A name that the template has and this file has not is a bug, not an empty cell.
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates
        .set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build().expect("the usual syntax"));
    templates.add_filter("cell", markdown_cell);
    templates.add_filter("headings", headings);
    // No line break between a number and its unit.
    templates.add_filter("tied", |text: &str| {
        text.replace("virtual ms", "virtual\u{a0}ms").replace(" ms", "\u{a0}ms").replace(" %", "\u{a0}%")
    });
    // The names' ending turns escaping on.
    for (name, text) in [
        ("report.html", include_str!("report.html.j2")),
        ("style.css", include_str!("style.css")),
        ("figure.html", include_str!("figure.html.j2")),
        ("counts.html", include_str!("parts/counts.html.j2")),
        ("findings.html", include_str!("findings.html.j2")),
        ("density.html", include_str!("parts/density.html.j2")),
        ("ladder.html", include_str!("parts/ladder.html.j2")),
        ("memory.html", include_str!("parts/memory.html.j2")),
        ("order.html", include_str!("parts/order.html.j2")),
        ("peers.html", include_str!("parts/peers.html.j2")),
        ("tax.html", include_str!("parts/tax.html.j2")),
        ("summary.md", include_str!("summary.md.j2")),
    ] {
        templates.add_template(name, text).expect("the template is well formed");
    }
    let values = values(measured, drawings, json);
    let filled = |name| {
        let template = templates.get_template(name).expect("it was added above");
        template.render(values.clone()).expect("the template uses only what it is given")
    };
    (filled("report.html"), filled("summary.md"))
}

fn values(measured: &Measured<'_>, drawings: &[Drawing], json: &[u8]) -> Value {
    let Measured { file, summary, ledgers, density, steps, prices } = measured;
    let rows = |of: &dyn Fn(&StackSummary) -> Value| summary.stacks.iter().map(of).collect::<Vec<Value>>();
    let phases = summary.phases();
    let answers = answers::of(measured);
    let mut comparisons = sentences::comparisons(summary);
    comparisons.extend(ranking::sentence(summary));
    context! {
        answers => answers.into_iter().map(|Answer { question, sentence, support }| context! { question, sentence, support })
            .collect::<Vec<_>>(),
        comparisons,
        charts => drawing::values(drawings),
        choice => parts::startup::clocks(summary),
        chart_theme => Value::from_safe_string(chart::theme()),
        samples_link => drawing::samples(json),
        memory => file.memory.as_ref().zip(ledgers.as_deref())
            .map(|(section, ledgers)| parts::memory::values(section, ledgers)),
        ruler => sentences::RULER.name(),
        partial => file.partial.clone(),
        measured => rows(&|stack| context! {
            between => sentences::between(stack.stack),
            probe => stack.probe.map_or(show::NONE.into(), show::ms),
            n => stack.n,
            ..named(stack)
        }),
        peers => parts::peers::values(file, summary),
        figures => rows(&|stack| figures(summary, stack)),
        clocks => Clock::ALL.map(Clock::name).to_vec(),
        by_clock => rows(&|stack| cells(stack, Clock::ALL.map(|clock| stack.clock(clock)))),
        phases => phases.iter().copied().map(Phase::name).collect::<Vec<_>>(),
        by_phase => rows(&|stack| cells(stack, phases.iter().map(|&phase| stack.phase(phase)))),
        order => (!summary.stacks.is_empty()).then(|| parts::order::values(file, summary)),
        interval => bootstrap::method(),
        host => file.host.rows().into_iter().map(|(what, value)| context! { what, value }).collect::<Vec<_>>(),
        unit => file.host.clock.unit(),
        unit_in_words => file.host.clock.unit_in_words(),
        clock => file.host.clock.explained(),
        machine_emulated => file.host.emulated,
        host_line => file.host.caption(),
        workload => file.workloads(),
        launches => summary.launches(),
        warmup => file.warmup,
        seed => file.seed.to_string(),
        command => file.command.clone(),
        placement => file.placement.clone(),
        guest => file.guest.clone(),
        pause_ms => crate::compare::PAUSE.as_millis(),
        emulated => summary.any_emulated().then_some(EMULATED),
        guest_kernel_emulated => file.host.emulates_guest_kernels(),
        commit => file.commit.id.clone(),
        dirty => file.commit.dirty,
        counts => parts::counts::values(file),
        density => parts::density::values(file, density.as_ref()),
        ladder => parts::ladder::values(file, steps.as_ref()),
        tax => parts::tax::values(file, prices.as_ref()),
        unavailable => file.unavailable.iter().map(|stack| context! {
            name => stack.stack.name(), reason => stack.reason.clone(), fix => stack.fix.clone(),
        }).collect::<Vec<_>>(),
        invalid => file.invalid().map(|sample| context! {
            name => sample.stack.name(),
            order => sample.order,
            warmup => sample.warmup,
            reason => sample.invalid.clone(),
        }).collect::<Vec<_>>(),
        samples => file.samples.len(),
    }
}

fn named(stack: &StackSummary) -> Value {
    context! { name => stack.stack.name(), floor => stack.stack.is_floor(), emulated => stack.emulated }
}

fn figures(summary: &Summary, stack: &StackSummary) -> Value {
    let figure = stack.clock(sentences::RULER);
    let times = |base: Option<Stack>| {
        let ratio = base.and_then(|base| summary.ratio(stack.stack, base, sentences::RULER));
        let value = if base.is_some() && stack.emulated { "emulated".into() } else { show::ratio(ratio) };
        context! { value, interval => ratio.map(|ratio| show::ratio_interval(Some(ratio))) }
    };
    context! {
        n => figure.map_or(0, Figure::n),
        p50 => figure.map_or(show::NONE.into(), show::p50),
        p95 => figure.map_or(show::NONE.into(), |figure| show::ms(figure.p95())),
        interval => figure.map_or(show::NONE.into(), show::interval_ms),
        // A bare process is the unit of this column, not a result in it.
        vs_process => times((stack.stack != Stack::Process).then_some(Stack::Process)),
        vs_floor => times(stack.stack.floor()),
        vs_ours => times(stack.stack.beside()),
        ..named(stack)
    }
}

fn cells<'a>(stack: &StackSummary, figures: impl IntoIterator<Item = Option<&'a Figure>>) -> Value {
    let cell = |figure: Option<&Figure>| {
        context! {
            p50 => figure.map_or(show::NONE.into(), show::p50),
            interval => figure.map_or(String::new(), show::interval_ms),
        }
    };
    context! { cells => figures.into_iter().map(cell).collect::<Vec<_>>(), ..named(stack) }
}

/// The sections of a page: the name and the words of each heading that has a name.
fn headings(page: &str) -> Vec<Value> {
    let heading = |text: &str| {
        let (id, rest) = text.split_once("\">")?;
        let words = Value::from_safe_string(rest.split_once("</h2>")?.0.into());
        Some(context! { id, words })
    };
    page.split("<h2 id=\"").skip(1).filter_map(heading).collect()
}

/// Text that stays inside of its cell in a Markdown table and is not taken for HTML.
pub(crate) fn markdown_cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests;

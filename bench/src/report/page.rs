//! The pages: figures and circumstances in, HTML and Markdown out.
//!
//! The templates hold the words and the layout, this file hands them text that is ready to print.
//! In the HTML page everything is escaped but the charts, which are our own.

use super::{parts, sentences};
use crate::samples::SamplesFile;
use crate::stats::{Clock, Figure, StackSummary, Summary, bootstrap, show};
use isolab_timeline::{Phase, Stack};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

/// The charts of a run, as SVG text.
#[derive(Clone, Debug)]
pub(super) struct Charts {
    /// [`crate::chart::ecdf`].
    pub(super) ecdf: String,
    /// [`crate::chart::phases`].
    pub(super) phases: String,
    /// [`crate::chart::order`].
    pub(super) order: String,
}

/// Renders `report.html` and `summary.md`.
pub(super) fn render(file: &SamplesFile, summary: &Summary, charts: &Charts) -> (String, String) {
    let mut templates = Environment::new();
    // A name that the template has and this file has not is a bug, not an empty cell.
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates
        .set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build().expect("the usual syntax"));
    templates.add_filter("cell", markdown_cell);
    // No line break between a number and its unit.
    templates.add_filter("tied", |text: &str| {
        text.replace("virtual ms", "virtual\u{a0}ms").replace(" ms", "\u{a0}ms").replace(" %", "\u{a0}%")
    });
    // The first name's ending turns escaping on.
    let pages =
        [("report.html", include_str!("report.html.j2")), ("summary.md", include_str!("summary.md.j2"))];
    for (name, text) in pages.into_iter().chain([parts::order::TEMPLATE]) {
        templates.add_template(name, text).expect("the template is well formed");
    }
    let values = values(file, summary, charts);
    let filled = |name| {
        let template = templates.get_template(name).expect("it was added above");
        template.render(values.clone()).expect("the template uses only what it is given")
    };
    (filled("report.html"), filled("summary.md"))
}

fn values(file: &SamplesFile, summary: &Summary, charts: &Charts) -> Value {
    let rows = |of: &dyn Fn(&StackSummary) -> Value| summary.stacks.iter().map(of).collect::<Vec<Value>>();
    let phases = summary.phases();
    context! {
        headline => sentences::headline(summary),
        comparisons => sentences::comparisons(summary),
        ruler => sentences::RULER.name(),
        partial => file.partial.clone(),
        measured => rows(&|stack| context! {
            between => sentences::between(stack.stack),
            probe => stack.probe.map_or(show::NONE.into(), show::ms),
            n => stack.n,
            ..named(stack)
        }),
        figures => rows(&|stack| figures(summary, stack)),
        clocks => Clock::ALL.map(Clock::name).to_vec(),
        by_clock => rows(&|stack| cells(stack, Clock::ALL.map(|clock| stack.clock(clock)))),
        phases => phases.iter().copied().map(Phase::name).collect::<Vec<_>>(),
        by_phase => rows(&|stack| cells(stack, phases.iter().map(|&phase| stack.phase(phase)))),
        ecdf_chart => Value::from_safe_string(charts.ecdf.clone()),
        phases_chart => Value::from_safe_string(charts.phases.clone()),
        order => parts::order::values(file, summary, &charts.order),
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
        guest_kernel_emulated => file.host.guest_kernel == "emulated",
        commit => file.commit.id.clone(),
        dirty => file.commit.dirty,
        syscalls => syscalls(file),
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
    context! { name => stack.stack.name(), floor => stack.stack.is_floor() }
}

fn figures(summary: &Summary, stack: &StackSummary) -> Value {
    let figure = stack.clock(sentences::RULER);
    let times = |base: Option<Stack>| {
        let ratio = base.and_then(|base| summary.ratio(stack.stack, base, sentences::RULER));
        context! { value => show::ratio(ratio), interval => show::ratio_interval(ratio) }
    };
    context! {
        n => figure.map_or(0, Figure::n),
        p50 => figure.map_or(show::NONE.into(), show::p50),
        p95 => figure.map_or(show::NONE.into(), |figure| show::ms(figure.p95())),
        interval => figure.map_or(show::NONE.into(), show::interval_ms),
        // A bare process is the unit of this column, not a result in it.
        vs_process => times((stack.stack != Stack::Process).then_some(Stack::Process)),
        vs_floor => times(stack.stack.floor()),
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

/// System calls by stack, the most frequent first.
fn syscalls(file: &SamplesFile) -> Vec<Value> {
    let table = |(stack, calls): (&Stack, &std::collections::BTreeMap<String, u64>)| {
        let mut calls: Vec<(&String, u64)> = calls.iter().map(|(name, &count)| (name, count)).collect();
        calls.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        context! {
            name => stack.name(),
            total => calls.iter().map(|(_, count)| count).sum::<u64>(),
            calls => calls.iter().map(|&(name, count)| context! { name => name.clone(), count }).collect::<Vec<_>>(),
        }
    };
    file.syscalls.iter().map(table).collect()
}

/// Text that stays inside of its cell in a Markdown table and is not taken for HTML.
pub(crate) fn markdown_cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests;

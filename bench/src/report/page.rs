//! The pages: figures and circumstances in, HTML and Markdown out.
//!
//! The templates hold the words and the layout, this file hands them text that is ready to print.
//! In the HTML page everything is escaped but the charts, which are our own.

use super::{parts, sentences};
use crate::chart::Circumstances;
use crate::samples::SamplesFile;
use crate::stats::{Clock, Figure, StackSummary, Summary, bootstrap, show};
use isolab_timeline::{Phase, Stack};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

/// The charts of a run, as SVG text.
#[derive(Clone, Debug)]
pub(super) struct Charts {
    /// [`crate::chart::ecdf`]; absent where no stack was started.
    pub(super) ecdf: Option<String>,
    /// [`crate::chart::phases`]; likewise.
    pub(super) phases: Option<String>,
    /// [`crate::chart::order`]; likewise.
    pub(super) order: Option<String>,
    /// [`crate::chart::memory`], where memory was measured.
    pub(super) memory: Option<String>,
    /// Density, chart and all, where it was measured.
    pub(super) density: Option<parts::density::Shown>,
    /// [`crate::chart::ladder`], where the ladder was measured.
    pub(super) ladder: Option<String>,
    /// [`crate::chart::tax`], where the tax was measured.
    pub(super) tax: Option<String>,
}

impl Charts {
    /// Every chart that a report can have, under its file's name.
    pub(super) fn files(&self) -> [(&'static str, Option<&str>); 7] {
        [
            ("ecdf.svg", self.ecdf.as_deref()),
            ("phases.svg", self.phases.as_deref()),
            ("memory.svg", self.memory.as_deref()),
            ("density.svg", self.density.as_ref().map(|density| &*density.chart)),
            ("ladder.svg", self.ladder.as_deref()),
            ("tax.svg", self.tax.as_deref()),
            ("order.svg", self.order.as_deref()),
        ]
    }
}

/// Renders `report.html` and `summary.md`.
pub(super) fn render(
    file: &SamplesFile,
    summary: &Summary,
    charts: &Charts,
    of: Circumstances<'_>,
) -> (String, String) {
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
    // The names' ending turns escaping on.
    for (name, text) in [
        ("report.html", include_str!("report.html.j2")),
        ("counts.html", include_str!("parts/counts.html.j2")),
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
    let values = values(file, summary, charts, of);
    let filled = |name| {
        let template = templates.get_template(name).expect("it was added above");
        template.render(values.clone()).expect("the template uses only what it is given")
    };
    (filled("report.html"), filled("summary.md"))
}

fn values(file: &SamplesFile, summary: &Summary, charts: &Charts, of: Circumstances<'_>) -> Value {
    let rows = |of: &dyn Fn(&StackSummary) -> Value| summary.stacks.iter().map(of).collect::<Vec<Value>>();
    let phases = summary.phases();
    let prices = parts::tax::prices(file);
    let steps = parts::ladder::steps(file);
    let mut comparisons = sentences::comparisons(summary);
    comparisons.extend(file.memory.iter().flat_map(parts::memory::sentences));
    comparisons.extend(charts.density.iter().flat_map(|density| density.sentences.clone()));
    comparisons.extend(steps.iter().flat_map(|steps| parts::ladder::sentences(steps, &file.host)));
    comparisons.extend(prices.iter().flat_map(|prices| parts::tax::sentences(prices, &file.host)));
    comparisons.extend(parts::counts::sentence(file));
    let drawn = charts.files().into_iter().filter_map(|(name, chart)| chart.map(|_| name));
    context! {
        headline => headline(file, summary, &mut comparisons),
        comparisons,
        memory => file.memory.as_ref().zip(charts.memory.as_ref())
            .map(|(section, chart)| parts::memory::values(section, chart)),
        charts => drawn.collect::<Vec<_>>(),
        ruler => sentences::RULER.name(),
        partial => file.partial.clone(),
        measured => rows(&|stack| context! {
            between => sentences::between(stack.stack),
            probe => stack.probe.map_or(show::NONE.into(), show::ms),
            n => stack.n,
            ..named(stack)
        }),
        peers => parts::peers::values(file, summary, of),
        figures => rows(&|stack| figures(summary, stack)),
        clocks => Clock::ALL.map(Clock::name).to_vec(),
        by_clock => rows(&|stack| cells(stack, Clock::ALL.map(|clock| stack.clock(clock)))),
        phases => phases.iter().copied().map(Phase::name).collect::<Vec<_>>(),
        by_phase => rows(&|stack| cells(stack, phases.iter().map(|&phase| stack.phase(phase)))),
        ecdf_chart => charts.ecdf.clone().map(Value::from_safe_string),
        phases_chart => charts.phases.clone().map(Value::from_safe_string),
        order => charts.order.as_ref().map(|chart| parts::order::values(file, summary, chart)),
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
        guest_kernel_emulated => file.host.emulates_guest_kernels(),
        commit => file.commit.id.clone(),
        dirty => file.commit.dirty,
        counts => parts::counts::values(file),
        density => charts.density.as_ref().map(|density| density.values.clone()),
        ladder => parts::ladder::values(file, steps.as_ref(), charts.ladder.as_deref()),
        tax => parts::tax::values(file, prices.as_ref(), charts.tax.as_deref()),
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

/// What was measured first: starts, or memory, or else the first that there is to say.
fn headline(file: &SamplesFile, summary: &Summary, comparisons: &mut Vec<String>) -> String {
    if !summary.stacks.is_empty() {
        return sentences::headline(summary);
    }
    let first = |comparisons: &mut Vec<String>| (!comparisons.is_empty()).then(|| comparisons.remove(0));
    let memory = file.memory.as_ref().and_then(parts::memory::headline);
    memory.or_else(|| first(comparisons)).unwrap_or_else(|| sentences::headline(summary))
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

/// Text that stays inside of its cell in a Markdown table and is not taken for HTML.
pub(crate) fn markdown_cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests;

use super::*;
use crate::report::{self, example};
use crate::samples::SamplesFile;

fn written(file: &SamplesFile) -> (String, String) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("report");
    report::write(&folder, file).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(!read("samples.json").is_empty());
    let (html, markdown) = (read("report.html"), read("summary.md"));
    for name in ["ecdf.svg", "phases.svg", "order.svg", "memory.svg", "ladder.svg"] {
        let linked = html.contains(&format!("href=\"{name}\""));
        assert_eq!(folder.join(name).exists(), linked, "{name}: there if and only if it is linked");
    }
    (html, markdown)
}

#[test]
fn memory_stands_beside_starts_or_alone_and_without_it_there_is_no_trace_of_it() {
    let mut file = example::run();
    let (html, markdown) = written(&file);
    assert!(
        !html.contains("Memory</h2>") && !html.contains("memory.svg") && !markdown.contains("MemAvailable")
    );
    file.memory = Some(crate::memory::ledger::example::section());
    let (html, markdown) = written(&file);
    assert_eq!(html.matches("<svg ").count(), Clock::ALL.len() + 4);
    assert!(html.contains("idle instance of a unikernel takes 900"), "in its own part");
    for page in [html, markdown] {
        assert!(page.contains(" starts its workload in ") && page.contains("a unikernel 900 KiB"), "{page}");
    }
    file.samples.clear();
    let (html, markdown) = written(&file);
    assert_eq!(html.matches("<svg ").count(), 1);
    assert!(!html.contains("launches a stack") && !html.contains("Every clock"), "{html}");
    for page in [html, markdown] {
        assert!(page.contains("a unikernel 900 KiB."), "{page}");
    }
}

#[test]
fn the_ladder_alone_makes_a_page_and_without_it_there_is_no_trace_of_it() {
    let (html, markdown) = written(&example::with_ladder());
    assert_eq!(html.matches("<svg ").count(), 1);
    assert!(html.contains("id=\"ladder\"") && html.contains("the kernel said &lt;no&gt;"), "{html}");
    for page in [html, markdown] {
        assert!(
            page.contains("the dearest rungs are overlay root")
                && !page.contains("This run measured neither")
        );
    }
    let (html, markdown) = written(&example::run());
    assert!(!html.contains("ladder") && !markdown.contains("rungs"));
}

/// Without the unbreakable spaces before units.
fn plain(page: &str) -> String {
    page.replace('\u{a0}', " ")
}

#[test]
fn both_pages_give_the_answer_the_table_and_how_to_do_it_again() {
    let file = example::with_linux();
    let headline = sentences::headline(&Summary::of(&file));
    let (html, markdown) = written(&file);
    // A clock each, the steps of a launch, the phases, and the order.
    assert_eq!(html.matches("<svg ").count(), Clock::ALL.len() + 3);
    for page in [html, markdown] {
        assert!(plain(&page).contains(&headline));
        assert!(page.contains("Linux 6.12.0 (small)"));
        assert!(page.contains(&file.command) && page.contains(&file.commit.id));
        for stack in Stack::ALL {
            assert!(page.contains(stack.name()), "{stack} in {page}");
        }
        assert!(
            !page.contains("Not run here")
                && !page.contains("ncomplete run")
                && !page.contains("nvalid launches")
        );
    }
}

#[test]
fn peers_have_a_part_of_their_own_where_there_are_any() {
    let (html, markdown) = written(&example::with_peers());
    assert_eq!(html.matches("<svg ").count(), Clock::ALL.len() + 4);
    for word in
        ["Beside the programs of others", "runc version 1.2.3", "qemu-linux run --fast", "times<small>ours"]
    {
        assert!(html.contains(word), "{word}");
    }
    assert!(markdown.contains("× ours") && markdown.contains("| qemu-linux |"), "{markdown}");
    let (html, markdown) = written(&example::run());
    assert!(!html.contains("Beside the programs") && !html.contains("<small>ours"));
    assert!(!markdown.contains("ours"), "{markdown}");
}

#[test]
fn the_page_needs_no_network_and_no_script() {
    let (html, _) = written(&example::run());
    // What the page holds as a link is text of letters only, which may spell anything.
    let links = html.split("base64,").map(|text| text.split_once('"').map_or(text, |(_, after)| after));
    let html = links.collect::<String>().replace("http://www.w3.org/2000/svg", "");
    assert!(!html.contains("http") && !html.contains("<script") && !html.contains("url("));
}

#[test]
fn what_went_wrong_is_on_both_pages_and_escaped() {
    let mut file = example::without(Stack::Unikernel);
    file.partial = Some("interrupted <here> | there".into());
    file.samples[20].invalid = Some("exit status <1>".into());
    file.commit.dirty = true;
    let (html, markdown) = written(&file);
    for (page, dirty) in [(&html, ", with local changes"), (&markdown, "(with local changes)")] {
        assert!(
            page.contains("interrupted &lt;here>") || page.contains("interrupted &lt;here&gt;"),
            "{page}"
        );
        assert!(page.contains("&lt;permission") && page.contains("group kvm &amp; log in"), "{page}");
        assert!(!page.contains("<permission>") && !page.contains("<here>") && !page.contains("<1>"));
        assert!(page.contains(dirty));
    }
    assert!(html.contains("exit status &lt;1&gt;"));
    assert!(markdown.contains(&format!("1 of {}", file.samples.len())));
    assert!(markdown.contains("there") && !markdown.contains("here> | there"));
}

#[test]
fn an_emulated_machine_and_virtual_time_are_named_wherever_a_figure_stands() {
    let mut file = example::run();
    let (html, markdown) = written(&file);
    assert!(!html.contains("irtual ms") && !html.contains("An emulator") && !markdown.contains("emulated"));
    file.host.emulated = true;
    file.host.clock = crate::host::clock::Clock::VirtualIcount;
    let (html, markdown) = written(&file);
    for page in [plain(&html), plain(&markdown)] {
        assert!(page.contains("1.53 virtual ms") && page.contains("emulated, Linux"), "{page}");
        assert!(page.contains("clock virtual-icount"), "{page}");
    }
    assert!(html.contains("An emulator ran this machine"));
    assert!(html.split("<svg").skip(1).all(|chart| chart.contains("clock virtual-icount")), "both captions");
    assert!(!html.contains("in milliseconds"), "every unit says that it is virtual");
}

#[test]
fn a_run_without_a_launch_that_counts_makes_a_page_without_figures() {
    let mut file = SamplesFile { counts: None, ..example::run() };
    file.samples.iter_mut().for_each(|sample| sample.invalid = Some("exit status 1".into()));
    let (html, _) = written(&file);
    assert!(html.contains("This run measured neither") && !html.contains("<svg"));
}

#[test]
fn what_kvm_emulates_is_marked_wherever_it_stands_and_no_other_page_speaks_of_it() {
    let mut file = example::everything();
    assert!(!written(&file).0.contains("mulated"));
    file.host.guest_kernel = "emulated".into();
    let (html, markdown) = written(&file);
    for chart in ["ecdf", "waterfall", "phases", "density", "ladder", "tax", "peers", "order"] {
        let labels = measured_chart(&html, chart);
        assert!(labels.contains("mulated"), "{chart}");
    }
    let row = markdown.lines().find(|line| line.starts_with("| unikernel ")).unwrap();
    assert_eq!(row.matches("emulated").count(), 2, "no ratio to a process or a floor: {row}");
    for words in ["qemu", "microvm", "nested"] {
        assert!(!markdown.contains(&format!("{words} takes")), "{markdown}");
    }
    assert!(!html.contains("A unikernel takes") && !html.contains("as a unikernel (95"), "in no sentence");
}

/// The part of a page from a chart to its links.
fn measured_chart<'a>(html: &'a str, name: &str) -> &'a str {
    let before = html.split_once(&format!("href=\"{name}.svg\"")).expect("it is linked").0;
    before.rsplit_once("<figure>").expect("in a figure").1
}

use super::*;
use crate::report::example;
use crate::stats::{Clock, Summary};
use isolab_timeline::{Mark, Stack};
use serde_json::Value;

fn text(format: Format) -> String {
    match export(&example::run(), format) {
        Exported::Text(text) => String::from_utf8(text).unwrap(),
        Exported::Files(files) => panic!("{} files", files.len()),
    }
}

fn close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found / expected - 1.0).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn csv_has_every_launch_and_every_mark_as_it_was_recorded() {
    let mut file = example::run();
    file.samples[3].invalid = Some("it said \"no\", twice".into());
    let text = csv::text(&file);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + file.samples.len());
    let head: Vec<&str> = lines[0].split(',').collect();
    assert!(lines[4].ends_with(",\"it said \"\"no\"\", twice\""), "{}", lines[4]);
    for (line, sample) in lines[1..].iter().zip(&file.samples).filter(|(_, sample)| sample.invalid.is_none())
    {
        let row: Vec<&str> = line.split(',').collect();
        let field = |name: &str| row[head.iter().position(|head| *head == name).unwrap()];
        assert_eq!((field("order"), field("stack")), (&*sample.order.to_string(), sample.stack.name()));
        for (name, mark) in
            [("begin_ns", Mark::Begin), ("isolate_ns", Mark::Isolate), ("init_ns", Mark::Init)]
        {
            assert_eq!(field(name), sample.marks_ns.get(mark).map_or(String::new(), |at| at.to_string()));
        }
    }
}

#[test]
fn hyperfine_times_are_seconds_until_all_is_reaped() {
    let value: Value = serde_json::from_str(&text(Format::Hyperfine)).unwrap();
    let summary = Summary::of(&example::run());
    for result in value["results"].as_array().unwrap() {
        let stack: Stack = result["command"].as_str().unwrap().parse().unwrap();
        let figure = summary.clock(stack, Clock::Reaped).unwrap();
        close(&result["median"], figure.p50() / 1e3);
        close(&result["max"], figure.sample.max() / 1e3);
        assert_eq!(result["times"].as_array().unwrap().len(), figure.n());
        assert_eq!(result["exit_codes"].as_array().unwrap().len(), figure.n());
        for name in ["mean", "stddev", "min", "user", "system"] {
            assert!(result[name].as_f64().unwrap() > 0.0, "{name}");
        }
    }
    assert_eq!(value["results"].as_array().unwrap().len(), 5);
}

#[test]
fn series_have_the_median_and_its_interval_of_each_stack_and_clock() {
    let summary = Summary::of(&example::run());
    let figure = summary.clock(Stack::Container, Clock::Begin).unwrap();
    let bmf: Value = serde_json::from_str(&text(Format::Bmf)).unwrap();
    let latency = &bmf["container/begin"]["latency"];
    close(&latency["value"], figure.p50() * 1e6);
    close(&latency["lower_value"], figure.interval.unwrap().low * 1e6);
    close(&latency["upper_value"], figure.interval.unwrap().high * 1e6);
    assert_eq!(bmf.as_object().unwrap().len(), 5 * Clock::ALL.len());
    let github: Value = serde_json::from_str(&text(Format::Github)).unwrap();
    let entry = github.as_array().unwrap().iter().find(|entry| entry["name"] == "container/begin").unwrap();
    close(&entry["value"], figure.p50());
    assert_eq!(entry["unit"], "ms");
    assert!(entry["range"].as_str().unwrap().contains(" to "));
}

/// Expected: numpy 2.4 on `[3, 1, 4, 1, 5, 9, 2, 6]`: mean, median, `std(ddof=1)`, and
/// `scipy.stats.median_abs_deviation(scale=1/1.4826)`.
#[test]
fn criterion_gets_one_launch_a_sample_and_estimates_like_its_own() {
    let mut file = example::run();
    let mut times = [3, 1, 4, 1, 5, 9, 2, 6].iter();
    file.samples.retain_mut(|sample| {
        let time = if sample.stack == Stack::Process && !sample.warmup { times.next() } else { None };
        time.map(|&time| sample.marks_ns.set(Mark::Begin, time)).is_some()
    });
    let files = criterion::files(&file);
    let read = |name: &str| -> Value {
        let (_, text) =
            files.iter().find(|(path, _)| path == &format!("isolab_begin/process/isolab/{name}")).unwrap();
        serde_json::from_slice(text).unwrap()
    };
    assert_eq!(read("benchmark.json")["full_id"], "isolab_begin/process");
    assert_eq!(read("sample.json")["times"], serde_json::json!([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]));
    let estimates = read("estimates.json");
    for (name, expected) in
        [("mean", 3.875), ("median", 3.5), ("std_dev", 2.748_376_143_938_713), ("median_abs_dev", 2.965_2)]
    {
        close(&estimates[name]["point_estimate"], expected);
        let ends = &estimates[name]["confidence_interval"];
        assert!(
            ends["lower_bound"].as_f64().unwrap() <= expected
                && expected <= ends["upper_bound"].as_f64().unwrap()
        );
    }
}

#[test]
fn files_land_whole_and_a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(&export(&example::run(), Format::Criterion), folder.path()).unwrap();
    assert!(folder.path().join("isolab_reaped/container/isolab/estimates.json").is_file());
    write(&Exported::Text(b"text".into()), &folder.path().join("file")).unwrap();
    let error = write(&Exported::Text(b"text".into()), &folder.path().join("file/below")).unwrap_err();
    assert!(error.to_string().contains("file/below"), "{error}");
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"text");
}

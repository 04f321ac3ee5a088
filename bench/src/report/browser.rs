//! The page in a real browser: what a reader sees, operates by keyboard, and takes away.
//!
//! `ISOLAB_PICTURES=FOLDER` keeps a picture of each way in which the page is looked at.

mod driver;

use crate::report::{self, example};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use driver::{Browser, ENTER, RIGHT, TAB};
use serde_json::{Value, json};
use std::path::Path;

const CHECKS: &str = include_str!("browser/checks.js");

#[test]
fn the_page_works_in_a_browser() {
    let browser = match Browser::open() {
        Ok(browser) => browser,
        Err(why) => return eprintln!("skipped: the_page_works_in_a_browser: {why}"),
    };
    let parent = tempfile::tempdir().unwrap();
    let file = example::everything();
    report::write(&parent.path().join("report"), &file).unwrap();
    let page = parent.path().join("report/report.html");

    for (medium, scheme, width) in [
        ("screen", "light", 1280),
        ("screen", "dark", 1280),
        ("screen", "light", 360),
        ("screen", "dark", 360),
        ("print", "light", 720),
    ] {
        browser.look(medium, scheme, width);
        browser.visit(&page);
        keep_picture(&browser, &format!("{medium}-{scheme}-{width}"));
        let wrong = browser.run(CHECKS);
        assert_eq!(wrong, json!([]), "{medium}, {scheme}, {width} px: {wrong:#}");
    }
    in_the_dark_it_is_dark(&browser, &page);
    what_is_wrong_is_found(&browser, &page);
    the_keyboard_is_enough(&browser, &page);
    nothing_was_fetched_and_nothing_complained(&browser, &page);
    it_takes_its_data_along(&browser, &page, file.samples.len());
}

/// The checks themselves: a page that was spoilt in each way is not let through.
fn what_is_wrong_is_found(browser: &Browser, page: &Path) {
    browser.look("screen", "light", 1280);
    for (spoil, complaint) in [
        ("document.querySelector('h1').style.color = '#999'", "contrast"),
        ("document.querySelector('svg text').style.fill = '#999'", "contrast"),
        ("document.querySelector('main').style.width = '3000px'", "px wide"),
        ("document.querySelector('svg').removeAttribute('aria-label')", "without a name"),
        ("document.querySelector('nav li').remove()", "the contents lack"),
        ("document.querySelector('h2').id = 'elsewhere'", "which is not there"),
        ("document.querySelector('footer').remove()", "not one footer"),
        ("document.querySelector('th').removeAttribute('scope')", "heads nothing"),
    ] {
        browser.visit(page);
        browser.run(spoil);
        let wrong = browser.run(CHECKS).to_string();
        assert!(wrong.contains(complaint), "{spoil}: {wrong}");
    }
}

/// The charts follow the page's colours.
fn in_the_dark_it_is_dark(browser: &Browser, page: &Path) {
    let colours = |scheme| {
        browser.look("screen", scheme, 1280);
        browser.visit(page);
        browser.run(
            "const fill = (name) => getComputedStyle(document.querySelector(name)).fill;\
             return [fill('figure svg rect'), fill('figure svg text')]",
        )
    };
    assert_eq!(colours("light"), json!(["rgb(255, 255, 255)", "rgb(29, 33, 38)"]));
    assert_eq!(colours("dark"), json!(["rgb(26, 30, 35)", "rgb(232, 234, 237)"]));
}

/// Skips to the contents, goes to the choice of clocks, and chooses, by keys alone.
fn the_keyboard_is_enough(browser: &Browser, page: &Path) {
    browser.look("screen", "light", 1280);
    browser.visit(page);
    browser.press(TAB);
    let focus = "const at = document.activeElement; return [at.className || at.id, at.getBoundingClientRect().left >= 0]";
    assert_eq!(browser.run(focus), json!(["skip", true]));
    browser.press(ENTER);
    assert_eq!(browser.run("return location.hash"), "#main");
    browser.press(TAB);
    assert_eq!(browser.run(focus), json!(["by-ecdf", true]));
    let shown = "return [...document.querySelectorAll('.panel')].filter((panel) => panel.checkVisibility()).map((panel) => panel.id)";
    assert_eq!(browser.run(shown), json!(["panel-ecdf"]));
    browser.press(&RIGHT.repeat(3));
    assert_eq!(browser.run(shown), json!(["panel-ecdf-reaped"]));
    assert_eq!(browser.run(focus), json!(["by-ecdf-reaped", true]));
    let ranking = browser.run("return document.querySelector('#panel-ecdf-reaped .ranking').textContent");
    assert!(ranking.as_str().unwrap().contains("The ranking flips"), "{ranking}");
    keep_picture(browser, "reaped");
}

/// Of all pages so far: they asked for themselves only, and the console is empty.
fn nothing_was_fetched_and_nothing_complained(browser: &Browser, page: &Path) {
    let events = browser.log("performance");
    let message = |event: &Value| serde_json::from_str::<Value>(event["message"].as_str().unwrap()).unwrap();
    let requests: Vec<_> = events
        .iter()
        .map(message)
        .filter(|event| event["message"]["method"] == "Network.requestWillBeSent")
        .map(|event| event["message"]["params"]["request"]["url"].as_str().unwrap().to_owned())
        .filter(|address| address.starts_with("file:") || address.starts_with("http"))
        .collect();
    assert!(!requests.is_empty(), "the log saw the page itself");
    let own = format!("file://{}", page.display());
    assert!(requests.iter().all(|address| *address == own), "{requests:#?}");
    assert_eq!(browser.log("browser"), Vec::<Value>::new());
}

/// The page holds every sample, and below each chart its numbers; the files beside it are there.
fn it_takes_its_data_along(browser: &Browser, page: &Path, launches: usize) {
    browser.visit(page);
    let unpacked = browser.run(
        "const packed = await fetch(document.querySelector('a[download=\"samples.json.gz\"]').href);\
         const text = new Response(packed.body.pipeThrough(new DecompressionStream('gzip')));\
         return (await text.json()).samples.length",
    );
    assert_eq!(unpacked, launches);
    let heads = browser.run(
        "const links = [...document.querySelectorAll('figcaption a[download]')];\
         return Promise.all(links.map(async (link) => (await (await fetch(link.href)).text()).split('\\r\\n')[0]))",
    );
    let heads = heads.as_array().unwrap();
    assert_eq!(heads.len(), browser.run("return document.querySelectorAll('figure').length"));
    assert!(heads.iter().all(|head| head.as_str().unwrap().contains("stack")), "{heads:?}");
    let beside = browser.run(
        "return [...document.querySelectorAll('a')].map((link) => link.getAttribute('href')).filter((to) => !/^(#|data:)/.test(to))",
    );
    for name in beside.as_array().unwrap() {
        let path = page.with_file_name(name.as_str().unwrap());
        assert!(path.metadata().unwrap().len() > 0, "{}", path.display());
    }
}

fn keep_picture(browser: &Browser, name: &str) {
    let Some(folder) = std::env::var_os("ISOLAB_PICTURES") else { return };
    let whole = browser.devtools("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
    let png = STANDARD.decode(whole["data"].as_str().unwrap()).unwrap();
    std::fs::write(Path::new(&folder).join(format!("{name}.png")), png).unwrap();
}

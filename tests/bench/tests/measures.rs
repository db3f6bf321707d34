//! The benchmark program, tested against the built server.

use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench")).args(arguments).output().expect("the benchmark runs")
}

#[test]
fn a_scenario_is_measured_and_its_table_written_into_a_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let (page, json) = (folder.path().join("page.md"), folder.path().join("page.json"));
    std::fs::write(&page, "# Page\n\n<!-- bench: begin -->\nold\n<!-- bench: end -->\n\nAfter.\n")
        .expect("a page");
    let (page_text, json_text) = (page.display().to_string(), json.display().to_string());

    let run = bench(&[
        "--short", "--only", "roster", "--engine", "sqlite", "--json", &json_text, "--write", &page_text,
    ]);

    let (table, said) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
    assert!(
        table.contains("| roster | ms until the OK for 415 users with 1300 fingerprints in one body | **"),
        "{table}"
    );
    let text = std::fs::read_to_string(&page).expect("the page");
    assert!(text.starts_with("# Page\n") && text.ends_with("\nAfter.\n") && !text.contains("old"), "{text}");
    assert!(text.contains(table.trim()), "{text}");
    let figures: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&json).expect("figures")).expect("JSON");
    assert!(figures[0]["value"].as_f64().is_some_and(|ms| ms > 0.0), "{figures}");
}

#[test]
fn a_page_without_marks_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.md");
    std::fs::write(&page, "# Page\n").expect("a page");

    let run =
        bench(&["--short", "--only", "roster", "--engine", "sqlite", "--write", &page.display().to_string()]);

    assert!(!run.status.success());
    assert!(String::from_utf8_lossy(&run.stderr).contains("lacks the lines"), "it says what is missing");
    assert_eq!(std::fs::read_to_string(&page).expect("the page"), "# Page\n");
}

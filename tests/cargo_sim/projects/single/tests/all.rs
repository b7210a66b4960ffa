#[tokio::test]
async fn tokio_is_replaced_here_and_in_dependencies() {
    assert!(tokio::SIMULATED && helper::simulated());
}

#[test]
fn files_are_where_they_were() {
    assert_eq!(single::README.trim(), "a page");
    assert_eq!(std::fs::read_to_string("tests/data/input.txt").unwrap().trim(), "data");
    let at = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/input.txt");
    assert_eq!(std::fs::read_to_string(at).unwrap().trim(), "data");
}

#[test]
fn options_arrive_as_variables() {
    if let Ok(wanted) = std::env::var("EXPECT_SEEDS") {
        assert_eq!(std::env::var("SIM_SEEDS").as_deref(), Ok(wanted.as_str()));
        assert_eq!(std::env::var("SIM_POLICY").as_deref(), Ok("pct:3"));
    }
}

#[cfg(feature = "extra")]
#[test]
fn the_extra_feature_is_on() {
    assert!(single::EXTRA);
}

#[tokio::test]
async fn select_asks_the_hook_and_the_budget_is_open() {
    tokio::install_fixed_draw();
    for _ in 0..20 {
        let first = tokio::select! { _ = async {} => 0, _ = async {} => 1, _ = async {} => 2 };
        assert_eq!(first, 0);
    }
    assert_eq!(tokio::with_budget(|| 3), 3);
    let (tx, _rx) = tokio::sync::mpsc::channel(1);
    tx.send_timeout(1, std::time::Duration::from_millis(1)).await.unwrap();
    tx.send_timeout(2, std::time::Duration::from_millis(1)).await.unwrap_err();
}

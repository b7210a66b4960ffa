use crate::run::passes;
use serde_json::json;
use sim::Sim;
use sim_world::Fleet;
use sim_world::config::{Flags, Kind, Rollout, Stage, Variable, bucket};
use sim_world::http::{Request, send};
use std::time::Duration;

fn fleet(sim: Sim, stage: Stage) -> Fleet {
    let fleet = Fleet::new(&sim);
    fleet.service("api", stage, &["api-1", "api-2"]);
    fleet
}

/// What the drift is, in words.
#[track_caller]
fn check(fleet: &Fleet, expected: &[&str]) {
    let found: Vec<String> = fleet.drift().iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
    assert_eq!(fleet.no_drift().is_ok(), expected.is_empty());
}

#[test]
fn a_required_variable_is_missing_by_name_and_node() {
    passes(|sim| async move {
        let fleet = fleet(sim, Stage::Live);
        fleet.declare(Variable::required("DATABASE_URL"));
        check(&fleet, &["DATABASE_URL is required and not set (service api: api-1, api-2)"]);
        fleet.set_on("api-1", "DATABASE_URL", "postgres://db");
        check(&fleet, &["DATABASE_URL is required and not set (service api: api-2)"]);
        fleet.set("api", "DATABASE_URL", "postgres://db");
        check(&fleet, &[]);
        fleet.remove_on("api-1", "DATABASE_URL");
        assert_eq!(fleet.drift()[0].kind, Kind::Missing);
        assert_eq!(fleet.drift()[0].nodes, ["api-1"]);
    });
}

#[test]
fn a_secret_that_the_code_makes_up_is_noticed_without_a_declaration() {
    passes(|sim| async move {
        let fleet = fleet(sim, Stage::Live);
        check(&fleet, &[]);
        let boots = |node: &str| {
            sim.node(node).run(async {
                let secret = std::env::var("SESSION_SECRET").unwrap_or_else(|_| "made up".into());
                let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".into());
                (secret, level)
            })
        };
        boots("api-1").await;
        boots("api-2").await;
        let made_up = "SESSION_SECRET was asked for and is not set, so the code's own default is in force \
                       (service api: api-1, api-2)";
        check(&fleet, &[made_up]);
        fleet.declare(Variable::optional("SESSION_SECRET"));
        check(&fleet, &[]);
        // An ordinary variable with a default is suspect only when another node has it.
        fleet.set_on("api-2", "LOG_LEVEL", "debug");
        let level = "LOG_LEVEL was asked for and is not set, so the code's own default is in force \
                     (service api: api-1)";
        check(&fleet, &[level]);
    });
}

#[test]
fn test_mode_in_live_and_live_mode_in_test_are_noticed() {
    passes(|sim| async move {
        let live = fleet(sim, Stage::Live);
        live.declare(Variable::required("SHIPPING").test_prefix("try-").live_prefix("real-"));
        live.set("api", "SHIPPING", "try-1");
        live.set("api", "PAYMENT_KEY", "sk_test_payments_1");
        live.set("api", "TAX_URL", "https://sandbox.tax.example");
        live.set("api", "SESSION_KEY", "changeme");
        check(
            &live,
            &[
                "PAYMENT_KEY has a value of test mode in a live service (service api: api-1, api-2)",
                "SESSION_KEY is a secret with the value of an example (service api: api-1, api-2)",
                "SHIPPING has a value of test mode in a live service (service api: api-1, api-2)",
                "TAX_URL has a value of test mode in a live service (service api: api-1, api-2)",
            ],
        );
        let staging = Fleet::new(&sim);
        staging.declare(Variable::required("SHIPPING").test_prefix("try-").live_prefix("real-"));
        staging.service("staging", Stage::Test, &["staging-1"]);
        staging.set("staging", "SHIPPING", "real-1");
        staging.set("staging", "PAYMENT_KEY", "sk_live_payments_1");
        check(
            &staging,
            &[
                "PAYMENT_KEY has a value of live mode in a service that is not live (service staging: staging-1)",
                "SHIPPING has a value of live mode in a service that is not live (service staging: staging-1)",
            ],
        );
    });
}

#[test]
fn nodes_of_a_service_may_not_differ_unless_it_is_said() {
    passes(|sim| async move {
        let fleet = fleet(sim, Stage::Live);
        fleet.set_version("api-1", "1");
        fleet.set_version("api-2", "2");
        fleet.set_on("api-1", "REGION", "north");
        fleet.set_on("api-2", "REGION", "south");
        check(&fleet, &["REGION differs within the service (service api: api-1, api-2)"]);
        fleet.declare(Variable::required("REGION").differs());
        check(&fleet, &[]);
        assert_eq!(fleet.version("api-2").as_deref(), Some("2"));
    });
}

#[test]
fn a_change_arrives_at_one_node_after_the_other() {
    passes(|sim| async move {
        let fleet = fleet(sim, Stage::Live);
        fleet.set("api", "FLAG_CHECKOUT", "off");
        let (after, apart) = (Duration::from_secs(10), Duration::from_secs(60));
        fleet.set_after(after, apart, "api", "FLAG_CHECKOUT", "on");
        sim.sleep(Duration::from_secs(9)).await;
        check(&fleet, &[]);
        sim.sleep(Duration::from_secs(2)).await;
        check(&fleet, &["FLAG_CHECKOUT differs within the service (service api: api-1, api-2)"]);
        let seen = sim.node("api-1").run(async { std::env::var("FLAG_CHECKOUT") }).await;
        assert_eq!(seen.as_deref(), Ok("on"));
        sim.sleep(Duration::from_secs(60)).await;
        check(&fleet, &[]);
    });
}

#[test]
fn buckets_are_sticky_and_near_the_percentage() {
    let on = |percent: u8| {
        let units = (0..2_000).map(|unit| format!("user-{unit}"));
        units.filter(|unit| bucket("checkout", unit) < percent).collect::<Vec<_>>()
    };
    let (few, more) = (on(10), on(30));
    assert!(few.iter().all(|unit| more.contains(unit)), "raising the percentage only adds");
    assert!((140..260).contains(&few.len()), "{}", few.len());
    assert!((520..680).contains(&more.len()), "{}", more.len());
    assert_ne!(bucket("checkout", "user-1"), bucket("search", "user-1"), "flags do not share buckets");
}

#[test]
fn flags_differ_by_node_and_version_and_it_shows() {
    passes(|sim| async move {
        let flags = Flags::start(&sim, "flags");
        let ask = |node: &str, query: &str| {
            let url = format!("{}/flags/checkout?{query}", flags.url());
            let asked = sim.node(node).run(send(Request::get(url)));
            async { asked.await.expect("it is served").value() }
        };
        assert_eq!(ask("api-1", "unit=u").await, json!({ "name": "checkout", "on": false }));
        flags.set_for_version("2", "checkout", Rollout::ON);
        assert_eq!(ask("api-1", "unit=u&version=2").await["on"], true);
        assert_eq!(flags.one_answer_for_each(), Ok(()));
        flags.set_on("api-2", "checkout", Rollout::ON);
        assert_eq!(ask("api-1", "unit=u").await["on"], false);
        assert_eq!(ask("api-2", "unit=u").await["on"], true);
        let both = "checkout is on at api-2 and off at api-1 for u";
        assert_eq!(flags.one_answer_for_each(), Err(both.to_owned()));
        flags.set("checkout", Rollout::percent(100));
        assert_eq!(ask("api-1", "unit=u").await["on"], true);
        assert_eq!(flags.one_answer_for_each(), Ok(()));
    });
}

#[tokio::test]
async fn tokio_is_replaced_everywhere() {
    assert!(tokio::SIMULATED && core_of_shop::simulated() && outside::simulated() && excluded::simulated());
}

#[test]
fn a_package_outside_sees_the_same_core() {
    let order: core_of_shop::Order = outside::same(app::order());
    assert_eq!(order.0, 1);
}

#[test]
fn the_users_patch_and_configuration_hold() {
    assert_eq!(core_of_shop::patched(), "patched");
    assert_eq!(std::env::var("FROM_CONFIG").as_deref(), Ok("seen"));
    assert!(cfg!(from_config));
}

#[test]
fn the_drop_in_and_the_users_sim_are_one() {
    assert_eq!(tokio::world(), sim::world());
}

use crate::run::passes;
use serde_json::{Value, json};
use sim::Sim;
use sim_world::Identity;
use sim_world::http::{Request, send};
use sim_world::identity::{Reason, TokenError, verify};
use std::time::Duration;

fn start(sim: Sim) -> Identity {
    let identity = Identity::start(&sim, "identity");
    identity.add_user("anna", "secret", &["customer", "admin"]);
    identity
}

async fn post(identity: &Identity, path: &str, body: Value) -> (u16, Value) {
    let answer = send(Request::post(format!("{}{path}", identity.url())).json(&body)).await;
    let answer = answer.expect("the provider answers");
    (answer.status, answer.value())
}

async fn login(identity: &Identity, device: &str) -> Value {
    let body = json!({ "username": "anna", "password": "secret", "device": device });
    let (status, tokens) = post(identity, "/login", body).await;
    assert_eq!(status, 200);
    tokens
}

async fn refresh(identity: &Identity, token: &Value) -> (u16, Value) {
    post(identity, "/token", json!({ "grant_type": "refresh_token", "refresh_token": token })).await
}

async fn active(identity: &Identity, token: &Value) -> bool {
    post(identity, "/introspect", json!({ "token": token })).await.1["active"] == true
}

fn text(value: &Value) -> &str {
    value.as_str().expect("it is text")
}

#[test]
fn a_login_gives_tokens_that_say_who_and_what() {
    passes(|sim| async move {
        let identity = start(sim);
        let wrong = post(&identity, "/login", json!({ "username": "anna", "password": "guess" })).await;
        assert_eq!((wrong.0, &wrong.1["error"]), (401, &json!("invalid_grant")));
        let tokens = login(&identity, "phone").await;
        let url = format!("{}/.well-known/jwks.json", identity.url());
        let jwks = send(Request::get(url)).await.expect("it is served").value();
        let now = sim.node("identity").wall() / 1_000_000_000;
        let claims = verify(text(&tokens["access_token"]), &jwks, now).expect("it is good");
        assert_eq!(
            (&*claims.sub, &claims.roles[..]),
            ("anna", &["customer".to_owned(), "admin".to_owned()][..])
        );
        assert_eq!(claims.exp - claims.iat, 900);
        assert!(active(&identity, &tokens["access_token"]).await);
        let userinfo = Request::get(format!("{}/userinfo", identity.url()));
        let answer = send(userinfo.bearer(text(&tokens["access_token"]))).await.expect("it is served");
        assert_eq!((answer.status, &answer.value()["sub"]), (200, &json!("anna")));
    });
}

#[test]
fn an_access_token_expires_on_the_clock_of_whoever_looks() {
    passes(|sim| async move {
        let identity = start(sim);
        identity.set_access_lifetime(Duration::from_secs(60));
        let token = identity.issue("anna", "phone").access_token;
        let api = sim.node("api");
        let at = |node: sim::Node| verify(&token, &identity.jwks(), node.wall() / 1_000_000_000);
        assert!(at(api).is_ok());
        api.jump_wall_clock(Duration::from_secs(60), Duration::ZERO);
        assert!(matches!(at(api), Err(TokenError::Expired { .. })));
        assert!(at(identity.node()).is_ok() && identity.introspect(&token).is_some());
        sim.sleep(Duration::from_secs(61)).await;
        assert!(identity.introspect(&token).is_none());
    });
}

#[test]
fn a_refresh_token_is_good_once_and_within_the_grace_gives_the_same_again() {
    passes(|sim| async move {
        let identity = start(sim);
        let tokens = login(&identity, "phone").await;
        let (status, next) = refresh(&identity, &tokens["refresh_token"]).await;
        assert_eq!(status, 200);
        assert_ne!(next["refresh_token"], tokens["refresh_token"]);
        assert_eq!(refresh(&identity, &tokens["refresh_token"]).await, (200, next.clone()));
        sim.sleep(Duration::from_secs(11)).await;
        let (status, error) = refresh(&identity, &tokens["refresh_token"]).await;
        assert_eq!((status, &error["error"]), (400, &json!("invalid_grant")));
        assert_eq!(identity.sessions()[0].revoked.map(|revoked| revoked.reason), Some(Reason::Reuse));
        assert_eq!(refresh(&identity, &next["refresh_token"]).await.0, 400);
        assert!(!active(&identity, &next["access_token"]).await);
    });
}

#[test]
fn an_older_refresh_token_is_a_theft_even_within_the_grace() {
    passes(|sim| async move {
        let identity = start(sim);
        let first = login(&identity, "phone").await;
        let second = refresh(&identity, &first["refresh_token"]).await.1;
        let third = refresh(&identity, &second["refresh_token"]).await.1;
        assert_eq!(refresh(&identity, &first["refresh_token"]).await.0, 400);
        assert_eq!(refresh(&identity, &third["refresh_token"]).await.0, 400);
    });
}

#[test]
fn without_grace_two_tabs_end_the_session() {
    passes(|sim| async move {
        let identity = start(sim);
        identity.set_refresh_grace(Duration::ZERO);
        let tokens = login(&identity, "phone").await;
        let both = futures::future::join(
            refresh(&identity, &tokens["refresh_token"]),
            refresh(&identity, &tokens["refresh_token"]),
        );
        let (one, other) = both.await;
        assert_eq!([one.0.min(other.0), one.0.max(other.0)], [200, 400]);
        assert!(identity.sessions()[0].revoked.is_some());
    });
}

#[test]
fn logging_out_ends_one_session_or_all() {
    passes(|sim| async move {
        let identity = start(sim);
        let (phone, laptop) = (login(&identity, "phone").await, login(&identity, "laptop").await);
        let logout = |token: &Value, body: Value| {
            let request = Request::post(format!("{}/logout", identity.url()));
            send(request.bearer(text(token)).json(&body))
        };
        let answer = logout(&phone["access_token"], json!({})).await.expect("it is served");
        assert_eq!(answer.status, 204);
        assert!(!active(&identity, &phone["access_token"]).await);
        assert!(active(&identity, &laptop["access_token"]).await);
        let again = login(&identity, "phone").await;
        logout(&again["access_token"], json!({ "everywhere": true })).await.expect("it is served");
        assert!(!active(&identity, &laptop["access_token"]).await);
        let reasons: Vec<_> = identity.sessions().iter().map(|of| of.revoked.map(|of| of.reason)).collect();
        let everywhere = Some(Reason::LogoutEverywhere);
        assert_eq!(reasons, [Some(Reason::Logout), everywhere, everywhere]);
    });
}

#[test]
fn roles_change_at_once_for_the_provider_but_not_in_tokens() {
    passes(|sim| async move {
        let identity = start(sim);
        let token = identity.issue("anna", "phone").access_token;
        assert_eq!(identity.role_lost("anna", "admin"), None);
        sim.sleep(Duration::from_secs(1)).await;
        let before = sim.now();
        identity.set_roles("anna", &["customer"]);
        assert_eq!(identity.role_lost("anna", "admin"), Some(before));
        assert_eq!(identity.role_lost("anna", "customer"), None);
        let now = identity.node().wall() / 1_000_000_000;
        let of_token = verify(&token, &identity.jwks(), now).expect("it is good");
        assert!(of_token.roles.contains(&"admin".to_owned()));
        let present = identity.introspect(&token).expect("it is good");
        assert_eq!((&present.roles[..], present.roles_version), (&["customer".to_owned()][..], 2));
        identity.deactivate("anna");
        assert!(identity.introspect(&token).is_none());
        assert_eq!(
            post(&identity, "/login", json!({ "username": "anna", "password": "secret" })).await.0,
            401
        );
    });
}

#[test]
fn signing_keys_rotate_and_are_withdrawn() {
    passes(|sim| async move {
        let identity = start(sim);
        let old = identity.issue("anna", "phone").access_token;
        let cached = identity.jwks();
        identity.rotate_signing_key();
        let new = identity.issue("anna", "phone").access_token;
        let now = sim.node("identity").wall() / 1_000_000_000;
        assert_eq!(verify(&new, &cached, now), Err(TokenError::UnknownKey("key-2".into())));
        assert!(verify(&old, &identity.jwks(), now).is_ok());
        identity.remove_signing_key("key-1");
        assert_eq!(verify(&old, &identity.jwks(), now), Err(TokenError::UnknownKey("key-1".into())));
        assert!(verify(&old, &cached, now).is_ok(), "who caches the keys still trusts it");
        let mut forged = new.clone();
        forged.replace_range(40..41, if &new[40..41] == "A" { "B" } else { "A" });
        assert!(verify(&forged, &identity.jwks(), now).is_err());
    });
}

#[test]
fn revoking_a_token_ends_its_session() {
    passes(|sim| async move {
        let identity = start(sim);
        for kind in ["access_token", "refresh_token"] {
            let tokens = login(&identity, "phone").await;
            assert_eq!(post(&identity, "/revoke", json!({ "token": tokens[kind] })).await.0, 200);
            assert!(!active(&identity, &tokens["access_token"]).await);
        }
        assert_eq!(post(&identity, "/revoke", json!({ "token": "nonsense" })).await.0, 200);
    });
}

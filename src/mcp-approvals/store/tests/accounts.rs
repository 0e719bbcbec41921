//! Accounts, invitations, sessions and tokens.

use super::*;

#[tokio::test]
async fn an_invitation_creates_one_account() {
    for database in Database::each().await {
        let store = database.open().await;
        assert!(!store.has_accounts(NOW).await.unwrap());
        let may =
            Permissions { approve: false, servers: vec!["crm,*".to_owned()], tools: vec!["*".to_owned()] };
        let secret = store.invite("bob", &may, NOW).await.unwrap();
        assert!(store.has_accounts(NOW).await.unwrap());
        let week_ms = 7 * 24 * 60 * 60 * 1000;
        assert!(store.invitation(&secret, NOW + week_ms).await.unwrap().is_none(), "it expires after a week");
        assert!(!store.redeem(&secret, "eve", "hash", NOW).await.unwrap(), "it is for bob");
        assert!(store.redeem(&secret, "bob", "hash", NOW).await.unwrap());
        assert!(!store.redeem(&secret, "bob", "other", NOW).await.unwrap(), "it is used up");
        let account = store.account("bob").await.unwrap().unwrap();
        assert_eq!((account.password.as_str(), &account.may), ("hash", &may));
        let open = store.invite("", &may, NOW).await.unwrap();
        assert!(!store.redeem(&open, "bob", "stolen", NOW).await.unwrap(), "the name is taken");

        let token = store.make_token("bob", NOW).await.unwrap();
        assert_eq!(store.token_owner(&token).await.unwrap().as_deref(), Some("bob"));
        assert!(store.remove_account("bob", NOW).await.unwrap());
        assert_eq!(store.token_owner(&token).await.unwrap(), None);
        assert!(!store.remove_account("bob", NOW).await.unwrap());
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_or_old() {
    for database in Database::each().await {
        let store = database.open().await;
        let session = store.sign_in("bob", NOW).await.unwrap();
        let owner = async |now_ms| store.session_owner(&session, now_ms).await.unwrap();
        let (minute_ms, hour_ms) = (60_000, 3_600_000);
        assert_eq!(owner(NOW + 59 * minute_ms).await.as_deref(), Some("bob"), "still in use");
        assert_eq!(owner(NOW + 59 * minute_ms + hour_ms).await, None, "idle for an hour");
        for hours in 1..24 {
            owner(NOW + hours * 30 * minute_ms + 29 * minute_ms).await;
        }
        assert_eq!(owner(NOW + 12 * hour_ms).await, None, "twelve hours old");
        let session = store.sign_in("bob", NOW).await.unwrap();
        store.sign_out(&session, NOW).await.unwrap();
        assert_eq!(store.session_owner(&session, NOW).await.unwrap(), None);
    }
}

#[tokio::test]
async fn no_secret_is_stored() {
    let database = &Database::each().await[0];
    let store = database.open().await;
    let secrets = [
        store.invite("bob", &Permissions::everything(), NOW).await.unwrap(),
        store.sign_in("bob", NOW).await.unwrap(),
        store.make_token("bob", NOW).await.unwrap(),
        store.make_caller("envoy", NOW).await.unwrap(),
    ];
    store.close().await;
    for entry in std::fs::read_dir(database.directory.as_ref().unwrap()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in &secrets {
            let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!holds, "{secret}");
        }
        let hash = secret::hash(&secrets[3]);
        assert!(bytes.is_empty() || bytes.windows(64).any(|window| window == hash.as_bytes()));
    }
}

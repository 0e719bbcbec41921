//! What a first start needs: a link to create the first account, and a token for Envoy.

use std::io::IsTerminal as _;

use super::say;
use crate::app::App;
use crate::clock::now_ms;
use crate::store::{Permissions, StoreError};

/// Prints a link to create the first account if nobody can sign in, and a token for Envoy if there is no caller. Only a
/// terminal gets them: everything else that a service prints ends up in a log. There it prints the commands that make them.
///
/// # Errors
/// Why the database does not answer.
pub(super) async fn print(app: &App) -> Result<(), StoreError> {
    let settings = &app.settings;
    let now_ms = now_ms();
    let alone = settings.roles.is_empty() && settings.sign_in.accounts;
    let needs_account = alone && !app.store.has_accounts(now_ms).await?;
    let needs_caller = settings.callers.is_empty() && !app.store.has_callers().await?;
    if !std::io::stdout().is_terminal() {
        print_commands(needs_account, needs_caller);
        return Ok(());
    }
    if needs_account {
        let secret = app.store.invite("", &Permissions::everything(), now_ms).await?;
        say("There is no account yet. Open this link within a week to create the first one:");
        say(&format!("  {}/invitations/{secret}", app.url));
    }
    if needs_caller {
        let token = app.store.make_caller("envoy", now_ms).await?;
        say("There is no caller yet. This is Envoy's token, which is shown only once:");
        say(&format!("  {token}"));
    }
    Ok(())
}

fn print_commands(needs_account: bool, needs_caller: bool) {
    if needs_account {
        say("There is no account yet. `mcp-approvals invite NAME` prints a link to create one.");
    }
    if needs_caller {
        say("There is no caller yet. `mcp-approvals caller envoy` prints a token for Envoy.");
    }
    if needs_account || needs_caller {
        say("Run such a command in a shell, with the same --config, --database and --url as `serve`.");
    }
}

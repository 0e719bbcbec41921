//! The sign-in form, and the form that accepts an invitation.

use maud::{Markup, html};

use super::text::name;
use crate::password::SHORTEST;

/// Returns the sign-in form: `next` is the path to go to afterwards, `typed` the name that was typed,
/// `fault` what was wrong.
pub fn sign_in(next: &str, typed: &str, fault: Option<&str>) -> Markup {
    html! {
        section.panel.narrow aria-labelledby="sign-in" {
            h1 id="sign-in" { "Sign in" }
            p.note { "Sign in to approve or refuse calls of agents." }
            @if let Some(fault) = fault { p.fault id="fault" role="alert" { (fault) } }
            form method="post" action="/sign-in" {
                input type="hidden" name="next" value=(next);
                div.field {
                    label for="name" { "Name" }
                    input type="text" id="name" name="name" value=(typed) required autocomplete="username"
                        autocapitalize="none" spellcheck="false" aria-describedby=[fault.map(|_| "fault")]
                        aria-invalid=[fault.map(|_| "true")];
                }
                div.field {
                    label for="password" { "Password" }
                    input type="password" id="password" name="password" required
                        autocomplete="current-password" aria-describedby=[fault.map(|_| "fault")]
                        aria-invalid=[fault.map(|_| "true")];
                }
                button.go type="submit" { "Sign in" }
            }
        }
    }
}

/// What is wrong with the form of a new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The field
    pub field: Field,
    /// What the field must be
    pub message: &'static str,
}

/// The fields of a new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The account's name
    Name,
    /// The password
    Password,
    /// The repeated password
    Again,
}

/// Whether an invitation fixes the account's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// It does
    Given,
    /// The person may choose it
    Chosen,
}

/// Returns the form that accepts an invitation: a password, and a name if it may be chosen.
pub fn invitation(action: &str, who: &str, named: Named, fault: Option<Fault>) -> Markup {
    let of = |field| fault.filter(|fault| fault.field == field);
    let (in_name, first, second) = (of(Field::Name), of(Field::Password), of(Field::Again));
    html! {
        section.panel.narrow aria-labelledby="welcome" {
            @match named {
                Named::Given => {
                    h1 id="welcome" { "Welcome, " (name(who)) }
                    p.note { "Choose a password. You sign in with it and this name." }
                },
                Named::Chosen => {
                    h1 id="welcome" { "Welcome" }
                    p.note { "Choose a name and a password. Others see the name on your decisions." }
                },
            }
            form method="post" action=(action) {
                @match named {
                    // For the browser's password manager.
                    Named::Given => input type="text" name="name" value=(who) autocomplete="username" hidden;,
                    Named::Chosen => div.field {
                        label for="name" { "Name" }
                        input type="text" id="name" name="name" value=(who) required maxlength="64"
                            autocomplete="username" autocapitalize="none" spellcheck="false"
                            aria-invalid=[in_name.map(|_| "true")] aria-describedby=[in_name.map(|_| "name-fault")];
                        (message(in_name, "name-fault"))
                    },
                }
                div.field {
                    label for="password" { "Password" }
                    input type="password" id="password" name="password" required minlength=(SHORTEST)
                        autocomplete="new-password" aria-invalid=[first.map(|_| "true")]
                        aria-describedby={ "password-hint" @if first.is_some() { " password-fault" } };
                    p.note id="password-hint" {
                        "At least 12 characters. A few random words work well."
                    }
                    (message(first, "password-fault"))
                }
                div.field {
                    label for="again" { "Repeat password" }
                    input type="password" id="again" name="again" required minlength=(SHORTEST)
                        autocomplete="new-password" aria-invalid=[second.map(|_| "true")]
                        aria-describedby=[second.map(|_| "again-fault")];
                    (message(second, "again-fault"))
                }
                button.go type="submit" { "Set password" }
            }
        }
    }
}

fn message(fault: Option<Fault>, id: &str) -> Markup {
    html! { @if let Some(fault) = fault { p.fault id=(id) role="alert" { (capital(fault.message)) "." } } }
}

/// Returns the message with a capital letter.
fn capital(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

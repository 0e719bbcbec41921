//! Signing in, and taking up an invitation.

use maud::{Markup, html};

use super::frame::token;
use super::text::name;

/// The fewest characters of a password.
pub const SHORTEST_PASSWORD: usize = 12;

/// Signing in, with where to go afterwards and what was wrong with the last attempt.
pub fn sign_in(form_token: &str, next: &str, typed: &str, fault: Option<&str>) -> Markup {
    html! {
        section.panel.narrow aria-labelledby="sign-in" {
            h1 id="sign-in" { "Sign in" }
            p.note { "To decide on the calls of agents." }
            @if let Some(fault) = fault { p.fault id="fault" role="alert" { (fault) } }
            form method="post" action="/sign-in" {
                (token(form_token))
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

/// What can be wrong with a new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The name is none
    NoName,
    /// Somebody has this name
    Taken,
    /// The password has too few characters
    Short,
    /// It has more than anybody types
    Long,
    /// The second one is another
    Different,
}

impl Fault {
    /// Judges a password and its repetition.
    pub fn of(password: &str, again: &str) -> Option<Self> {
        match password.chars().count() {
            ..SHORTEST_PASSWORD => Some(Self::Short),
            1025.. => Some(Self::Long),
            _ if password != again => Some(Self::Different),
            _ => None,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::NoName => "Write a name of 1 to 64 characters, all of them visible.",
            Self::Taken => "Somebody has this name. Choose another one.",
            Self::Short => "Too short: at least 12 characters.",
            Self::Long => "Too long: at most 1,024 characters.",
            Self::Different => "The two are not the same.",
        }
    }
}

/// Whether an invitation says what its account is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// It does
    Given,
    /// Whoever takes it up chooses
    Chosen,
}

/// Choosing a password, and a name where the invitation gives none.
pub fn invitation(form_token: &str, action: &str, who: &str, named: Named, fault: Option<Fault>) -> Markup {
    let of = |these: &[Fault]| fault.filter(|fault| these.contains(fault));
    let (in_name, first) = (of(&[Fault::NoName, Fault::Taken]), of(&[Fault::Short, Fault::Long]));
    let second = of(&[Fault::Different]);
    html! {
        section.panel.narrow aria-labelledby="welcome" {
            @match named {
                Named::Given => {
                    h1 id="welcome" { "Welcome, " (name(who)) }
                    p.note { "Choose a password. You sign in with it under this name." }
                },
                Named::Chosen => {
                    h1 id="welcome" { "Welcome" }
                    p.note { "Choose a name and a password. Others see the name on what you decide." }
                },
            }
            form method="post" action=(action) {
                (token(form_token))
                @match named {
                    // For the browser's store of passwords alone.
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
                    input type="password" id="password" name="password" required minlength=(SHORTEST_PASSWORD)
                        autocomplete="new-password" aria-invalid=[first.map(|_| "true")]
                        aria-describedby={ "password-hint" @if first.is_some() { " password-fault" } };
                    p.note id="password-hint" {
                        "At least 12 characters. A few words that only you would put together do well."
                    }
                    (message(first, "password-fault"))
                }
                div.field {
                    label for="again" { "The same again" }
                    input type="password" id="again" name="again" required minlength=(SHORTEST_PASSWORD)
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
    html! { @if let Some(fault) = fault { p.fault id=(id) role="alert" { (fault.message()) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_twelve_characters_or_more_and_is_typed_twice() {
        let long = "x".repeat(1025);
        for (password, again, fault) in [
            ("correct horse", "correct horse", None),
            ("elevenchars", "elevenchars", Some(Fault::Short)),
            ("päßwörtchen!", "päßwörtchen!", None),
            ("correct horse", "correct hors", Some(Fault::Different)),
            (&long, &long, Some(Fault::Long)),
        ] {
            assert_eq!(Fault::of(password, again), fault, "{password}");
        }
    }
}

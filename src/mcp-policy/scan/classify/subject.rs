//! What tools act on: money, and what proves who somebody is.

/// Words that mean money whatever stands beside them.
const MONEY: &str = "payment payments payout payouts refund refunds invoice invoices funds money billing loan loans \
                     chargeback escrow purchase purchases payroll salary donation donations giftcard paymentlink \
                     dispute disputes";

/// Words that mean money if the description or a parameter speaks of money as well.
const MAYBE_MONEY: &str = "subscription subscriptions order orders charge charges transfer transfers transaction \
                           transactions credit credits card cards bank wallet balance bid trade swap checkout loyalty";

/// Words with which a description or a parameter speaks of money.
const SPEAKS_OF_MONEY: &str = "payment payments pay paid billing billed price prices usd eur dollar dollars currency \
                               invoice refund purchase funds money amount customer customers merchant";

/// Words for what proves who somebody is, at the end of a name.
const SECRETS: &str =
    "password passwords passphrase credential credentials secret secrets apikey apikeys keypair otp totp";

/// Words before `key`, `keys`, `token` or `tokens` that make it one.
const OF_SECRET: &str = "api access secret private auth bearer refresh oauth ssh signing encryption session service \
                         personal deploy client security jwt";

fn is_in(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|known| known == word)
}

/// Returns the word of an object that means money. `speaks` says whether the rest of the definition speaks of money.
pub fn money(object: &[String], speaks: bool) -> Option<&str> {
    let means = |word: &&String| is_in(MONEY, word) || (speaks && is_in(MAYBE_MONEY, word));
    object.iter().find(means).map(String::as_str)
}

/// Returns whether these words speak of money.
pub fn speaks_of_money(words: &[String]) -> bool {
    words.iter().any(|word| is_in(SPEAKS_OF_MONEY, word))
}

/// Returns the words at the end of an object that mean a key, a password or a token. A `token` alone may be a word of a
/// text or a coin: it counts if `issued`, because the verb makes one.
pub fn secret(object: &[String], issued: bool) -> Option<String> {
    let (last, before) = object.split_last()?;
    if is_in(SECRETS, last) {
        return Some(last.clone());
    }
    if !matches!(last.as_str(), "key" | "keys" | "token" | "tokens") {
        return None;
    }
    match before.last() {
        Some(before) if is_in(OF_SECRET, before) => Some(format!("{before} {last}")),
        None if issued && last.starts_with("token") => Some(last.clone()),
        _ => None,
    }
}

/// Returns whether a parameter takes a key, a password or a token.
pub fn is_secret_parameter(words: &[String]) -> bool {
    secret(words, true)
        .is_some_and(|found| !matches!(found.as_str(), "token" | "tokens" | "secrets" | "session token"))
}

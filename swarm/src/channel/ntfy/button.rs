//! The buttons below an ntfy message, in ntfy's own form. A message has three at most.

use std::collections::BTreeMap;

use serde::Serialize;

/// One button.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Button {
    /// Opens an address.
    View {
        /// What is on it.
        label: String,
        /// The address.
        url: String,
    },
    /// Has the phone send a request.
    Http {
        /// What is on it.
        label: String,
        /// The address.
        url: String,
        /// The method.
        method: &'static str,
        /// The request's headers.
        headers: BTreeMap<&'static str, String>,
        /// The request's body.
        body: String,
        /// The message goes away when the request was answered well.
        clear: bool,
    },
    /// Copies a text to the phone's clipboard.
    Copy {
        /// What is on it.
        label: String,
        /// The text.
        value: String,
    },
}

impl Button {
    /// Whether it copies something.
    pub fn copies(&self) -> bool {
        matches!(self, Button::Copy { .. })
    }

    /// What is on it.
    pub fn label(&self) -> &str {
        match self {
            Button::View { label, .. }
            | Button::Http { label, .. }
            | Button::Copy { label, .. } => label,
        }
    }
}

/// What is behind a button is as good as a password.
impl std::fmt::Debug for Button {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Button({:?})", self.label())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_button_has_the_form_that_ntfy_documents() {
        let buttons = [
            Button::Http {
                label: "Approve".into(),
                url: "https://ntfy.sh/replies".into(),
                method: "POST",
                headers: BTreeMap::from([("authorization", "Bearer tk_1".into())]),
                body: "12 code".into(),
                clear: true,
            },
            Button::Copy {
                label: "Copy".into(),
                value: "12 code: ".into(),
            },
            Button::View {
                label: "Open".into(),
                url: "https://ntfy.sh/replies".into(),
            },
        ];
        assert_eq!(
            serde_json::to_value(&buttons).unwrap(),
            json!([
                {
                    "action": "http", "label": "Approve", "url": "https://ntfy.sh/replies",
                    "method": "POST", "headers": { "authorization": "Bearer tk_1" },
                    "body": "12 code", "clear": true,
                },
                { "action": "copy", "label": "Copy", "value": "12 code: " },
                { "action": "view", "label": "Open", "url": "https://ntfy.sh/replies" },
            ])
        );
        assert!(!format!("{buttons:?}").contains("code"));
    }
}

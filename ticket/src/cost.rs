//! What agents cost, added up by ticket, agent, day, model or phase.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::usage::Spent;
use crate::usd::Usd;
use crate::words::one_of;

/// What a line of the report stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A ticket; proposals together make one line.
    Ticket,
    /// An agent.
    Agent,
    /// A day, where the hub runs.
    #[default]
    Day,
    /// A model.
    Model,
    /// What the agent CLI was run for.
    Phase,
}

impl By {
    /// Every one.
    pub const ALL: [By; 5] = [By::Ticket, By::Agent, By::Day, By::Model, By::Phase];

    /// The word on the command line and in the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            By::Ticket => "ticket",
            By::Agent => "agent",
            By::Day => "day",
            By::Model => "model",
            By::Phase => "phase",
        }
    }
}

impl std::str::FromStr for By {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        one_of("word", word, &By::ALL, By::as_str)
    }
}

/// Which part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CostFilter {
    /// What each line stands for.
    #[param(inline)]
    pub by: By,
    /// Only this day and later ones: `2030-01-31`.
    pub since: Option<String>,
    /// So many lines at most, the dearest or the latest days; the total is of all.
    pub limit: Option<u32>,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostLine {
    /// The ticket's number, the agent, the day, the model or the phase; empty for a model that the
    /// agent CLI does not name, and `proposals` among tickets.
    pub key: String,
    /// The ticket's title.
    pub title: Option<String>,
    /// What was used.
    #[serde(flatten)]
    pub spent: Spent,
}

/// The whole report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cost {
    /// What each line stands for.
    pub by: By,
    /// The lines: days and phases in their order, the rest by cost, the dearest first.
    pub lines: Vec<CostLine>,
    /// How many more there are.
    #[serde(default)]
    pub more: u64,
    /// All of it.
    pub total: Spent,
    /// Today, and its budget.
    pub today: Today,
}

/// What today cost, where the hub runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Today {
    /// The day: `2030-01-31`.
    pub date: String,
    /// What was used.
    pub spent: Spent,
    /// What a day may cost, in US dollars; none for any amount.
    #[schema(value_type = Option<f64>)]
    pub budget_usd: Option<Usd>,
    /// What is left of that.
    #[schema(value_type = Option<f64>)]
    pub left_usd: Option<Usd>,
    /// The human lets it cost more than that today.
    pub is_waived: bool,
}

impl Today {
    /// In one line: `$1.20 of $5.00 today, $3.80 left`.
    pub fn sentence(&self) -> String {
        let cost = self.spent.cost();
        match (self.budget_usd, self.left_usd) {
            (Some(budget), Some(left)) => format!("{cost} of {budget} today, {left} left"),
            (Some(budget), None) => {
                format!("{cost} today; the budget of {budget} counts no more until midnight")
            }
            (None, _) => format!("{cost} today"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_said_in_one_line() {
        let spent = |micro, is_cost_known| Spent {
            cost_usd: Usd(micro),
            is_cost_known,
            ..Spent::default()
        };
        let five = Some(Usd(5_000_000));
        for (cost, budget_usd, left_usd, expected) in [
            (spent(1_200_000, true), None, None, "$1.20 today"),
            (
                spent(1_200_000, false),
                five,
                Some(Usd(3_800_000)),
                "at least $1.20 of $5.00 today, $3.80 left",
            ),
            (
                spent(6_000_000, true),
                five,
                None,
                "$6.00 today; the budget of $5.00 counts no more until midnight",
            ),
        ] {
            let today = Today {
                spent: cost,
                budget_usd,
                left_usd,
                ..Today::default()
            };
            assert_eq!(today.sentence(), expected);
        }
    }
}

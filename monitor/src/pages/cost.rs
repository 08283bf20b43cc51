//! What agents cost: today and its budget, by day, agent, model, phase and ticket.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use chrono::{Days, NaiveDate};
use ticket::cost::{By, Cost, CostLine, Today};
use ticket::moment;
use ticket::usage::{Spent, grouped};

use super::chart::{Bar, Chart};
use super::frame::Frame;
use super::rendered;
use crate::error::Answer;
use crate::hub::{Hub, Shared};

/// How many days are shown.
const DAYS: u64 = 30;
/// How many lines of each table.
const LINES: u32 = 50;

#[derive(Template)]
#[template(path = "cost.html")]
struct Page {
    frame: Frame,
    costs: Costs,
}

/// Everything that is known of the last [`DAYS`].
#[derive(Template)]
#[template(path = "cost_tables.html")]
pub struct Costs {
    today: Today,
    total: Spent,
    chart: Option<Chart>,
    tables: Vec<Table>,
}

struct Table {
    title: &'static str,
    /// What the first column holds.
    key: &'static str,
    lines: Vec<CostLine>,
    more: u64,
}

impl Table {
    fn of(report: Cost) -> Table {
        let mut lines = report.lines;
        if report.by == By::Day {
            lines.reverse();
        }
        let (title, key) = match report.by {
            By::Day => ("By day", "Day"),
            By::Agent => ("By agent", "Agent"),
            By::Model => ("By model", "Model"),
            By::Phase => ("By phase", "Phase"),
            By::Ticket => ("By ticket", "Ticket"),
        };
        Table {
            title,
            key,
            lines,
            more: report.more,
        }
    }

    fn is_of_tickets(&self) -> bool {
        self.key == "Ticket"
    }
}

/// `GET /cost`
pub async fn page(State(hub): State<Shared>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Cost").await?;
    let costs = costs(&hub).await?;
    Ok(Html(rendered(&Page { frame, costs })?))
}

/// At this moment.
pub async fn costs(hub: &Hub) -> Answer<Costs> {
    let days = days_until(moment::day(&moment::today()).unwrap_or_default());
    let since = days.first().map(ToString::to_string);
    let order = [By::Day, By::Agent, By::Model, By::Phase, By::Ticket];
    let reports = hub
        .database
        .read(move |store| store.costs(&order, since, LINES))
        .await?;
    let (total, today) = match reports.first() {
        Some(first) => (first.total, first.today.clone()),
        None => Default::default(),
    };
    let by_day = reports.first().map_or(&[][..], |report| &report.lines);
    let chart = Chart::of("What each day cost, in US dollars", &bars(&days, by_day));
    Ok(Costs {
        today,
        total,
        chart,
        tables: reports
            .into_iter()
            .filter(|report| !report.lines.is_empty())
            .map(Table::of)
            .collect(),
    })
}

/// The last days, the latest last.
fn days_until(today: NaiveDate) -> Vec<NaiveDate> {
    let ago = |days| today.checked_sub_days(Days::new(days));
    (0..DAYS).rev().filter_map(ago).collect()
}

/// A bar for each day, also for one that cost nothing.
fn bars(days: &[NaiveDate], lines: &[CostLine]) -> Vec<Bar> {
    let spent: BTreeMap<&str, &Spent> = lines
        .iter()
        .map(|line| (line.key.as_str(), &line.spent))
        .collect();
    days.iter()
        .map(|day| {
            let label = day.to_string();
            let spent = spent.get(label.as_str());
            Bar {
                value: spent.map_or(0, |spent| spent.cost_usd.0),
                said: spent.map_or("nothing".to_owned(), |spent| spent.cost()),
                label,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ticket::usd::Usd;

    use super::*;

    #[test]
    fn every_day_has_its_bar() {
        let days = days_until("2030-03-01".parse().unwrap());
        assert_eq!(days.len(), 30);
        assert_eq!(days[29].to_string(), "2030-03-01");
        assert_eq!(days[28].to_string(), "2030-02-28");
        let line = CostLine {
            key: "2030-02-28".into(),
            title: None,
            spent: Spent {
                cost_usd: Usd(1_500_000),
                is_cost_known: true,
                ..Spent::default()
            },
        };
        let bars = bars(&days, &[line]);
        assert_eq!(
            (bars[28].value, bars[28].said.as_str()),
            (1_500_000, "$1.50")
        );
        assert_eq!((bars[29].value, bars[29].said.as_str()), (0, "nothing"));
    }
}

//! Bars as SVG. Pure. What the bars say is in a table beside them, for those who do not see them.

use askama::Template;

/// How wide a bar and the room after it are, in units of the drawing.
const STEP: u32 = 12;
/// How wide a bar is.
const BAR: u32 = 9;
/// How high the highest bar is.
const HEIGHT: u32 = 120;
/// The room for words above and below the bars.
const MARGIN: u32 = 18;

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// How much; nothing is drawn of what is below zero.
    pub value: i64,
    /// The value in words.
    pub said: String,
}

/// Bars beside each other.
#[derive(Template)]
#[template(path = "chart.html")]
pub struct Chart {
    title: String,
    width: u32,
    height: u32,
    rects: Vec<Rect>,
    /// The value of the highest bar, in words.
    most: String,
    first: String,
    last: String,
}

/// A bar in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rect {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    said: String,
}

impl Chart {
    /// The bars from left to right; none when there is nothing to draw.
    pub fn of(title: &str, bars: &[Bar]) -> Option<Chart> {
        let highest = bars.iter().max_by_key(|bar| bar.value)?;
        if highest.value <= 0 {
            return None;
        }
        let count = u32::try_from(bars.len()).ok()?;
        Some(Chart {
            title: title.to_owned(),
            width: count.checked_mul(STEP)?.max(STEP * 12),
            height: HEIGHT + 2 * MARGIN,
            rects: bars
                .iter()
                .zip(0..)
                .map(|(bar, place)| rect(bar, place, highest.value))
                .collect(),
            most: highest.said.clone(),
            first: bars.first()?.label.clone(),
            last: bars.last().filter(|_| count > 1)?.label.clone(),
        })
    }
}

fn rect(bar: &Bar, place: u32, most: i64) -> Rect {
    let value = i128::from(bar.value.clamp(0, most));
    let part = value * i128::from(HEIGHT) / i128::from(most);
    let part = u32::try_from(part).unwrap_or(HEIGHT);
    // What is more than nothing is seen.
    let height = part.max(u32::from(value > 0));
    Rect {
        x: place * STEP,
        y: MARGIN + HEIGHT - height,
        width: BAR,
        height,
        said: format!("{}: {}", bar.label, bar.said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(values: &[i64]) -> Vec<Bar> {
        let bar = |(place, value): (usize, &i64)| Bar {
            label: format!("day {place}"),
            value: *value,
            said: format!("${value}"),
        };
        values.iter().enumerate().map(bar).collect()
    }

    #[test]
    fn heights_are_in_proportion_and_stand_on_one_line() {
        let chart = Chart::of("t", &bars(&[0, 50, 100, 1, i64::MAX / 2])).unwrap();
        let heights: Vec<u32> = chart.rects.iter().map(|r| r.height).collect();
        assert_eq!(heights, [0, 1, 1, 1, HEIGHT]);
        let chart = Chart::of("t", &bars(&[-5, 50, 100])).unwrap();
        let heights: Vec<u32> = chart.rects.iter().map(|r| r.height).collect();
        assert_eq!(heights, [0, HEIGHT / 2, HEIGHT]);
        assert!(
            chart
                .rects
                .iter()
                .all(|r| r.y + r.height == MARGIN + HEIGHT)
        );
        assert!(chart.rects.windows(2).all(|two| two[0].x + BAR < two[1].x));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert!(Chart::of("t", &[]).is_none());
        assert!(Chart::of("t", &bars(&[0, 0])).is_none());
    }

    #[test]
    fn words_in_a_chart_are_escaped() {
        let mut bars = bars(&[1, 2]);
        bars[0].label = "<script>".into();
        let drawn = Chart::of("</title>", &bars).unwrap().render().unwrap();
        assert!(!drawn.contains("<script>") && !drawn.contains("</title></title>"));
    }
}

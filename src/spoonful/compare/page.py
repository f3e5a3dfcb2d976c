"""The report: one page that opens from disk, without network or scripts."""

import html
from collections.abc import Iterable, Mapping, Sequence
from string import Template

from spoonful.compare.charts.bars import bar_chart
from spoonful.compare.charts.curves import loss_curves
from spoonful.compare.charts.heat_map import heat_maps
from spoonful.compare.charts.theme import Chart, colour_variables
from spoonful.compare.charts.time_chart import time_charts
from spoonful.compare.points import Missing, Point, Study
from spoonful.compare.quantities import IMAGES_PER_S, PEAK_RSS
from spoonful.compare.runs import SEED, shown_setting
from spoonful.compare.significance import Difference, against_best
from spoonful.compare.style import STYLE
from spoonful.compare.wording import (
    AXIS_ASSUMPTION,
    NOTHING,
    counted_noun,
    plain_words,
    point_assumption,
    shown_interval,
    shown_p,
    shown_spread,
    verdict_words,
)

Charts = Mapping[str, Sequence[Chart]]
AxisDifferences = Mapping[str, Sequence[Difference]]


def all_charts(study: Study) -> dict[str, list[Chart]]:
    """Draw every chart that has something to show, by the heading it stands under."""
    bars = [bar_chart(study, q) for q in study.quantities if q.name in (IMAGES_PER_S, PEAK_RSS)]
    groups = {
        study.metric: [*time_charts(study), *heat_maps(study)],
        **{group.heading: group.charts for group in loss_curves(study)},
        "Speed and memory": [chart for chart in bars if chart is not None],
    }
    return {heading: charts for heading, charts in groups.items() if charts}


def report_page(
    study: Study,
    charts: Charts,
    points: Sequence[Difference],
    axes: AxisDifferences,
    level: float,
) -> str:
    """Write the page.

    Args:
        study: the sweep.
        charts: what `all_charts` drew.
        points: how the points differ.
        axes: how the values of each axis differ.
        level: the probability of an error that the tests were asked for.
    """
    title = f"Sweep {study.sweep.name}"
    words = "".join(f"<li>{_text(s)}</li>" for s in plain_words(study, points, axes))
    parts = [
        f"<h1>{_text(title)}</h1>",
        _facts(study),
        f"<ul class='words'>{words}</ul>",
        _missing(study),
        "<h2>Points</h2>",
        _point_table(study),
        *(_chart_group(heading, group) for heading, group in charts.items()),
        *_differences(study, points, axes, level),
        "<h2>Runs</h2>",
        _links_note(study),
        _run_table(study),
    ]
    return _PAGE.substitute(
        title=_text(title), style=colour_variables() + STYLE, body="\n".join(filter(None, parts))
    )


_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style
</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")


def _facts(study: Study) -> str:
    sweep = study.sweep
    counted = sum(len(point.runs) for point in study.points)
    seeds = sorted({len(point.runs) for point in study.points})
    facts = {
        "made by": f"<code>{_text(sweep.description.replace('`', ''))}</code>",
        "run": f"{_link(sweep.url, sweep.name)} <code>{_text(sweep.run_id)}</code>, "
        f"{_text(sweep.status)}, {_link(sweep.points_url, 'curves in MLflow')}",
        **{
            _text(study.names[axis]): _text(
                f"{', '.join(map(shown_setting, study.values_of(axis)))} ({axis})"
            )
            for axis in study.axes
        },
        "results": f"{counted} of {sweep.num_points or len(sweep.runs)} trainings"
        f"{_repeats(study)}, in {counted_noun(len(study.points), 'point')} of "
        f"{' or '.join(map(str, seeds[:-1]))}{' or ' if seeds[1:] else ''}"
        f"{counted_noun(seeds[-1], 'seed')}",
    }
    if not sweep.description:
        del facts["made by"]
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return f"<dl>{rows}</dl>"


def _repeats(study: Study) -> str:
    num = study.num_repeats
    return f" ({num} {'was' if num == 1 else 'were'} done again: the newest counts)" if num else ""


def _missing(study: Study) -> str:
    items = [_missing_item(missing) for missing in study.missing if not missing.is_pruned]
    pruned = [_missing_item(missing) for missing in study.missing if missing.is_pruned]
    if study.num_unknown:
        items.append(f"<li>{study.num_unknown} more that never began</li>")
    count = len(items) + max(0, study.num_unknown - 1)
    lists = (("Without a result", count, items), ("Pruned by the sweep", len(pruned), pruned))
    return "".join(
        f"<section class='missing'><h2>{title}: {number}</h2>"
        f"<p>They count in no mean, test or chart.</p><ul>{''.join(found)}</ul></section>"
        for title, number, found in lists
        if found
    )


def _missing_item(missing: Missing) -> str:
    run = f" {_link(missing.run.url, missing.run.name)}" if missing.run is not None else ""
    return f"<li>{_text(missing.words)}{run}</li>"


def _point_table(study: Study) -> str:
    header = ["point", "seeds", *(quantity.title for quantity in study.quantities)]
    rows = [
        [
            _pairs(point.label),
            str(len(point.runs)),
            *(_quantity_cell(study, point, place) for place in range(len(study.quantities))),
        ]
        for point in study.ranked
    ]
    note = f"<p>Mean over the seeds ± one standard deviation, the best {study.metric} first.</p>"
    return note + _table(header, rows)


def _quantity_cell(study: Study, point: Point, place: int) -> str:
    quantity = study.quantities[place]
    spread = point.spread(quantity)
    few = spread is not None and spread.num < len(point.runs)
    more = f" <small>({spread.num} of {len(point.runs)})</small>" if spread and few else ""
    return _text(shown_spread(quantity, spread)) + more


def _chart_group(heading: str, charts: Sequence[Chart]) -> str:
    figures = "".join(
        f'<figure style="--w:{chart.width:g}"><figcaption>{_text(chart.title)}</figcaption>'
        f'<div class="scroll">{chart.svg}</div><p>{_text(chart.note)}</p></figure>'
        for chart in charts
    )
    return f"<h2>{_text(heading)}</h2><div class='charts'>{figures}</div>"


def _differences(
    study: Study, points: Sequence[Difference], axes: AxisDifferences, level: float
) -> Iterable[str]:
    if not points:
        return
    yield "<h2>Which differences exceed the seed noise</h2>"
    yield f"<p>{_text(point_assumption(study, points, level))} Level: {level:g}.</p>"
    yield _difference_table(study, points, level)
    for axis, found in axes.items():
        yield f"<h3>{_text(study.names[axis])}</h3>"
        yield _difference_table(study, found, level)
    if axes:
        yield f"<p>{_text(AXIS_ASSUMPTION)}</p>"
    yield "<p>All pairs stand in differences.csv.</p>"


def _difference_table(study: Study, family: Sequence[Difference], level: float) -> str:
    found = against_best(family)
    unit = study.target.unit_of_difference.strip()
    header = [
        f"against {found[0].b}",
        f"difference{f', {unit}' if unit else ''}",
        "verdict",
        f"{1 - level:.0%} interval",
        "pairs",
        "p",
        "p, corrected",
    ]
    rows = [
        [
            _pairs(d.a),
            NOTHING if d.mean is None else study.target.shown(d.mean, signed=True),
            f"<span class='verdict {d.verdict}'>{_text(verdict_words(d))}</span>",
            shown_interval(study.target, d) or NOTHING,
            str(d.num_pairs),
            _text(shown_p(d.p_value)) or NOTHING,
            _text(shown_p(d.p_holm)) or NOTHING,
        ]
        for d in found
    ]
    return _table(header, rows)


def _links_note(study: Study) -> str:
    if study.sweep.is_served:
        return ""
    return "<p>The links open the MLflow UI while <code>make ui</code> runs.</p>"


def _run_table(study: Study) -> str:
    counted = {run.run_id: p.label for p in study.points for run in p.runs.values()}
    rows = []
    for run in study.sweep.runs:
        value = study.target.of(run)
        rows.append(
            [
                _link(run.url, run.name),
                f"<code>{_text(run.run_id)}</code>",
                *(_text(shown_setting(run.setting(axis))) for axis in study.axes),
                _text(shown_setting(run.setting(SEED))),
                _text(run.status) + ("" if run.run_id in counted else ", not counted"),
                NOTHING if value is None else study.target.shown(value),
            ]
        )
    names = [study.names[axis] for axis in study.axes]
    return _table(["run", "id", *names, SEED, "status", study.target.title], rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table that scrolls by itself where it is too wide; the cells are HTML."""
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td>{cell}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _pairs(label: str) -> str:
    """Write "batch_size=16 shuffle=full" so that it breaks between the pairs alone."""
    pairs = [pair.partition("=") for pair in label.split(" ")]
    return " ".join(f"<span>{_text(n)}{e}<b>{_text(value)}</b></span>" for n, e, value in pairs)


def _link(url: str, text: str) -> str:
    return f'<a href="{_text(url)}">{_text(text)}</a>' if url else _text(text)


def _text(text: str) -> str:
    return html.escape(text)

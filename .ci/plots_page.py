"""Write .dvc/plots.html, the page of `dvc plots show`: DVC's own, but with Vega in it.

DVC's page loads Vega from a server and stays empty without a network. Run by `make plots-page`.
"""

from pathlib import Path

import vl_convert

VEGA_LITE = "5.20"  # DVC's templates are written for version 5
PAGE = """<!DOCTYPE html>
<html>
<head>
    {refresh_tag}
    <meta charset="utf-8">
    <title>DVC Plot</title>
    <style>table {border-spacing: 15px;}</style>
    <!-- Vega, Vega-Lite and Vega-Embed, (c) University of Washington Interactive Data Lab and
         contributors, BSD-3-Clause, https://github.com/vega; as vl-convert VERSION bundles them -->
    <script>(() => {
BUNDLE
})();</script>
</head>
<body>
    {plot_divs}
</body>
</html>
"""


def main() -> None:
    """Write the page."""
    # Inside a page "</script" would end the script; in JavaScript's strings and patterns "<\\/" is
    # the same.
    bundle = vl_convert.javascript_bundle(vl_version=VEGA_LITE).replace("</script", r"<\/script")
    page = PAGE.replace("VERSION", vl_convert.__version__).replace("BUNDLE", bundle)
    for placeholder in ("{refresh_tag}", "{plot_divs}"):
        if page.count(placeholder) != 1:
            raise SystemExit(f"{placeholder} occurs in the bundle")
    path = Path(__file__).resolve().parents[1] / ".dvc" / "plots.html"
    path.write_text(page, encoding="utf-8")
    print(f"{path.name}: {len(page):,} bytes")


if __name__ == "__main__":
    main()

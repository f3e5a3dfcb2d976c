"""The report's style sheet; its colours are the charts'."""

STYLE = """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:68rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.5rem 0 .5rem}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
p{max-width:48rem;margin:.5rem 0}
a{color:var(--link)}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
small{color:var(--muted)}
dl{margin:0}
dl div{display:grid;grid-template-columns:12rem 1fr;gap:.75rem;padding:.3rem 0;
border-bottom:1px solid var(--line)}
dt{color:var(--muted);overflow-wrap:anywhere}
dd{margin:0;min-width:0;overflow-wrap:anywhere}
.words{max-width:48rem;margin:1.5rem 0;padding:.75rem 1rem .75rem 2rem;
border-left:4px solid var(--series-0);background:color-mix(in srgb,var(--series-0) 8%,transparent)}
.words li{margin:.25rem 0}
.missing{border-left:4px solid var(--series-1);padding-left:1rem}
.missing h2{margin-top:1.5rem}
.scroll{overflow-x:auto;max-width:100%}
.scroll:focus-visible{outline:2px solid var(--link)}
table{border-collapse:separate;border-spacing:0;font-variant-numeric:tabular-nums;margin:.5rem 0}
th,td{padding:.35rem .75rem;text-align:right;border-bottom:1px solid var(--line);
white-space:nowrap;vertical-align:baseline}
thead th{color:var(--muted);font-weight:600;vertical-align:bottom;white-space:normal;
min-width:4.5rem}
th:first-child{position:sticky;left:0;background:var(--page);text-align:left;padding-left:0}
tbody th{font-weight:400}
tbody th span{display:inline-block;white-space:nowrap}
tbody th a{white-space:nowrap}
td:last-child,thead th:last-child{padding-right:0}
.verdict{display:inline-block;min-width:9rem;max-width:14rem;white-space:normal;text-align:left}
.exceeds{font-weight:600}
.within,.no_pair,.one_pair,.identical,.constant{color:var(--muted)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));
gap:1.5rem 2rem}
figure{margin:0;min-width:0;max-width:calc(var(--w)*1.45px)}
figcaption{font-weight:600;margin-bottom:.25rem}
figure p{font-size:.85rem;color:var(--muted);margin:.25rem 0}
figure p:empty{display:none}
figure svg{display:block;width:100%;height:auto;min-width:calc(var(--w)*.9px)}
@media (max-width:40rem){
table{font-size:.87rem}
figcaption{font-size:.95rem}
th,td{padding:.35rem .5rem}
tbody th{white-space:normal;padding-right:.75rem}
tbody th span{max-width:45vw;white-space:normal;overflow-wrap:break-word}
dl div{grid-template-columns:1fr;gap:0}
}
@media print{.scroll{overflow:visible}}
"""

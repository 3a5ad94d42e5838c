"""The page's style sheet, light and dark; colours of Okabe and Ito, told apart by everyone."""

STYLE = """
:root{--ink:#1f2933;--soft:#52606d;--paper:#fff;--line:#d9e2ec;--cloud:#a9b8c6;--blue:#0072b2;
--orange:#d55e00;--pale:#f2b27a}
@media (prefers-color-scheme:dark){:root{--ink:#e4e7eb;--soft:#9aa5b1;--paper:#16191d;
--line:#323f4b;--cloud:#5a6978;--blue:#56b4e9;--orange:#ff9447;--pale:#8a4b1c}}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:46rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
.lead,figcaption{color:var(--soft)}
figcaption{font-size:.875rem}
figure{margin:0}
svg{width:100%;height:auto;max-width:44rem;display:block}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;min-width:100%}
th,td{text-align:left;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);
vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}
td{white-space:nowrap}
td:last-child{white-space:normal;overflow-wrap:anywhere;min-width:5rem}
code{font-size:.8125rem;overflow-wrap:anywhere}
ol,ul{padding-left:1.4rem;margin:.6rem 0}
details{margin-top:2rem}
summary{cursor:pointer;font-weight:600}
.grid{stroke:var(--line);stroke-width:1}
.limit{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 3}
.cloud{fill:var(--cloud);opacity:.6}
.front{fill:none;stroke:var(--blue);stroke-width:2}
.interval{stroke:var(--pale);stroke-width:5;stroke-linecap:round}
.winner{fill:var(--orange);stroke:var(--paper);stroke-width:1.2}
.unmeasured{fill:var(--paper);stroke:var(--orange);stroke-width:2}
.support{fill:var(--blue);stroke:var(--paper);stroke-width:1}
.bar{fill:var(--blue)}
.tick{fill:var(--soft);font-size:12px}
.name{fill:var(--ink);font-size:13px}
"""

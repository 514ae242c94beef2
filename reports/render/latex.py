"""Table -> LaTeX with booktabs; `document` wraps several tables into a file that compiles as it is."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from reports.table import Cell, Table, laid_out

_SPECIAL = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
            "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}",
            "`": r"\`{}", "–": "--", "±": r"$\pm$",
            "↑": r"$\uparrow$", "↓": r"$\downarrow$", "×": r"$\times$", "<": r"\textless{}", ">": r"\textgreater{}",
            "Δ": r"$\Delta$", "†": r"\textsuperscript{\dag}", "≥": r"$\geq$", "≤": r"$\leq$",
            "−": "--", "…": r"\ldots{}"}
WORD = 16  # characters in a row that the narrowest column surely holds
ROWS = 48  # what fits on a page; a longer table goes on in another float of the same number
ROMAN = "\\renewcommand{\\thetable}{\\Roman{table}}\n"
PREAMBLE = r"""\documentclass[10pt,twocolumn]{article}
\usepackage[utf8]{inputenc}
\usepackage[margin=1.7cm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage{xcolor}
\setlength{\tabcolsep}{3.5pt}
\renewcommand{\thetable}{\Roman{table}}
\setcounter{dbltopnumber}{9}\renewcommand{\dbltopfraction}{1} % as many tables on a page as it holds
\setcounter{topnumber}{9}\renewcommand{\topfraction}{1}
\makeatletter % pages of tables start at the top, without holes between them
\@fptop=0pt \@dblfptop=0pt \@fpsep=22pt \@dblfpsep=22pt
\makeatother
\pagestyle{myheadings}
"""


def render(table: Table, *, colour: bool = True, single_column: bool = False) -> str:
    """A float as wide as the page (table*) in the paper's layout, or as one column with the data sets stacked.

    A table described as one column wide keeps its transposition. Needs booktabs, graphicx and, for colour, xcolor.
    """
    if not single_column or (table.single_column and table.wide == "transposed"):
        table = laid_out(table)
    starts = range(0, max(1, len(table.lines)), ROWS)
    texts = []
    for start in starts:
        part = replace(table, lines=table.lines[start:start + ROWS], notes=table.notes if start == starts[-1] else ())
        if start:
            part = replace(part, name=f"{table.name}-{start // ROWS + 1}", caption=f"{table.caption} (continued)")
            texts.append("\\addtocounter{table}{-1}\n")
        texts.append(_float(part, colour, single_column))
    return "".join(texts)


def _float(table: Table, colour: bool, single_column: bool) -> str:
    environment = "table" if single_column else "table*"
    width = r"\columnwidth" if single_column else r"\textwidth"
    notes, number = table.footnotes()
    columns = "".join("l" if text else "r" for text in table.text_columns)
    lines = [rf"\begin{{{environment}}}[t]", r"\centering", rf"\caption{{{escape(table.caption)}}}",
             rf"\label{{tab:{table.name}}}", rf"\resizebox{{\ifdim\width>{width} {width}\else\width\fi}}{{!}}{{%",
             rf"\begin{{tabular}}{{l{columns}}}", r"\toprule", *_head(table)]
    for block, members in groupby(table.lines, key=lambda line: line.block):
        lines.append(r"\midrule")
        if block:
            lines += [rf"\multicolumn{{{len(table.headers) + 1}}}{{l}}{{\textit{{{escape(block)}}}}}\\"]
        for line in members:
            cells = [_cited(line.label, line.cite), *(_cell(cell, number, colour) for cell in line.cells)]
            lines.append(" & ".join(cells) + r"\\")
    lines += [r"\bottomrule", r"\end{tabular}}"]
    below = [rf"\textsuperscript{{{number[note]}}}\,{_breakable(note.rstrip('.'))}." for note in notes]
    below += [_breakable(note) for note in table.notes]
    if below:
        lines.append(rf"\par\smallskip\parbox{{{width}}}{{\footnotesize\raggedright\sloppy {' '.join(below)}}}")
    return "\n".join([*lines, rf"\end{{{environment}}}"]) + "\n"


def document(tables: Sequence[tuple[int, str]], *, title: str, roman: bool = True,
             references: Mapping[str, str] | None = None) -> str:
    """A complete document around rendered tables, each with its number.

    roman: how numbers are printed. references: BibTeX key -> entry of what the tables cite.
    """
    body = "\n".join(f"\\setcounter{{table}}{{{number - 1}}}\n{text}" for number, text in tables)
    items = "".join(f"\\bibitem{{{key}}} {escape(entry)}\n" for key, entry in (references or {}).items())
    bibliography = f"\\begin{{thebibliography}}{{99}}\n{items}\\end{{thebibliography}}\n" if items else ""
    preamble = PREAMBLE if roman else PREAMBLE.replace(ROMAN, "")
    return f"{preamble}\\markright{{{escape(title)}}}\n\\begin{{document}}\n" \
           f"{body or 'Nothing was measured.'}\n{bibliography}\\end{{document}}\n"


def _head(table: Table) -> list[str]:
    lines = []
    if any(h.group for h in table.headers):
        cells, rules, column = [""], [], 2
        for group, members in groupby(table.headers, key=lambda h: h.group):
            span = len(list(members))
            cells.append(rf"\multicolumn{{{span}}}{{c}}{{{escape(group)}}}")
            if group:
                rules.append(rf"\cmidrule(lr){{{column}-{column + span - 1}}}")
            column += span
        lines += [" & ".join(cells) + r"\\", "".join(rules)]
    heads = [_cited(h.text, h.cite) + (rf"\,{escape(h.arrow)}" if h.arrow else "") for h in table.headers]
    return [*lines, " & ".join([escape(table.corner), *heads]) + r"\\"]


def _cited(label: str, cite: str) -> str:
    return escape(label) + (rf"~\cite{{{cite}}}" if cite else "")


def _cell(cell: Cell, number: dict[str, int], colour: bool) -> str:
    text = escape(cell.text)
    if not isinstance(cell.value, str):
        text = text.replace("-", "$-$") if text != "--" else text
        value, plus_minus, spread = text.partition(r" $\pm$ ")
        # smaller: the paper's columns have no room for two full numbers
        text = rf"{value}{{\scriptsize\,$\pm$\,{spread}}}" if plus_minus else value
        text = text.replace("*", "$^*$")
    if cell.rank == 1:
        text = rf"\textbf{{{text}}}"
    elif cell.rank == 2:
        text = rf"\underline{{{text}}}"
    if colour and cell.rank in (1, 2):
        text = rf"\textcolor{{{'red' if cell.rank == 1 else 'blue'}}}{{{text}}}"
    return rf"{text}\textsuperscript{{{number[cell.note]}}}" if cell.note else text


def escape(text: str) -> str:
    """Text that LaTeX prints as it is. Latin letters pass through inputenc; what no font here has becomes '?'."""
    plain = " ".join(text.split())
    # two hyphens in a row would become a dash: options are written --so
    return "".join("{}-" if c == before == "-" else _SPECIAL.get(c) or _plain(c)
                   for before, c in zip(" " + plain, plain))


def _breakable(text: str) -> str:
    """Escaped text whose long words may be broken: reasons hold paths and hashes that no hyphenation knows."""
    def word(long: str) -> str:
        return r"\allowbreak{}".join(escape(long[i:i + WORD]) for i in range(0, len(long), WORD))

    return " ".join(map(word, text.split()))


def _plain(character: str) -> str:
    if character.isascii() or ("\u00c0" <= character <= "\u00ff"):
        return character if character.isprintable() else ""
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"

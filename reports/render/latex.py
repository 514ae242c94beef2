"""Table -> LaTeX with booktabs; `document` wraps several tables into a file that compiles as it is."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from reports.legend import captioned
from reports.pasteable import pasteable
from reports.render.fit import LABEL, POINTS, SMALLEST, Width, font_size, pages, parts, text_width
from reports.table import Cell, Line, Table, laid_out

_SPECIAL = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
            "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}",
            "`": r"\`{}", "–": "--", "±": r"$\pm$",
            "↑": r"$\uparrow$", "↓": r"$\downarrow$", "×": r"$\times$", "<": r"\textless{}", ">": r"\textgreater{}",
            "Δ": r"$\Delta$", "†": r"\textsuperscript{\dag}", "≥": r"$\geq$", "≤": r"$\leq$",
            "−": "--", "…": r"\ldots{}"}
WORD = 16  # characters in a row that the narrowest column surely holds
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


_FLOATS: dict[Width, tuple[str, str]] = {"column": ("table", r"\columnwidth"), "page": ("table*", r"\textwidth"),
                                         "landscape": ("sidewaystable*", r"\textheight")}


def render(table: Table, *, colour: bool = True, single_column: bool = False, landscape: bool = False) -> str:
    """A float as wide as the page (table*) in the paper's layout, or as one column with the data sets stacked.

    No number is set below 6 pt in a 10 pt document: what does not fit goes into one float per data set, all under one
    number; with `landscape`, into one that lies on its side. Needs booktabs, graphicx, for colour xcolor, for landscape
    rotating.
    """
    if table.single_column and table.wide == "transposed":  # described as one column wide, it keeps its transposition
        table = laid_out(table)
    width: Width = "column" if single_column and font_size(table, "column") >= SMALLEST else "page"
    found = parts(table, width)
    if landscape and len(found) > 1:
        width, found = "landscape", parts(table, "landscape")
    floats = [page for part in found for page in pages(part)]
    texts = []
    for number, part in enumerate(floats):
        last = number == len(floats) - 1
        part = replace(part, caption=captioned(replace(table, caption=part.caption), colour=colour) if not number
                       else part.caption, notes=table.notes if last else (),
                       name=f"{table.name}-{number + 1}" if number else table.name)
        texts.append(("\\addtocounter{table}{-1}\n" if number else "") + _float(part, colour, width))
    return "".join(texts)


def _float(table: Table, colour: bool, width: Width) -> str:
    environment, points = _FLOATS[width]
    notes, number = table.footnotes()
    columns = "".join("l" if text else "r" for text in table.text_columns)
    short = table.caption.partition(". Best ")[0]  # for a list of tables
    lines = [rf"\begin{{{environment}}}" + ("" if width == "landscape" else "[t]"), r"\centering",
             rf"\caption{f'[{{{escape(short)}}}]' if short != table.caption else ''}{{{escape(table.caption)}}}",
             rf"\label{{tab:{table.name}}}", r"\footnotesize\setlength{\tabcolsep}{2pt}%",
             rf"\resizebox{{\ifdim\width>{points} {points}\else\width\fi}}{{!}}{{%",
             rf"\begin{{tabular}}{{l{columns}}}", r"\toprule", *_head(table)]
    for block, members in groupby(table.lines, key=lambda line: line.block):
        lines.append(r"\midrule")
        if block:
            lines += [rf"\multicolumn{{{len(table.headers) + 1}}}{{l}}{{\textit{{{escape(block)}}}}}\\"]
        for line in members:
            cells = [_label(line, width), *(_cell(cell, number, colour) for cell in line.cells)]
            lines.append(" & ".join(cells) + r"\\")
    lines += [r"\bottomrule", r"\end{tabular}}"]
    below = [rf"\textsuperscript{{{number[note]}}}\,{_breakable(pasteable(note).rstrip('.'))}." for note in notes]
    below += [_breakable(said) for note in table.notes if (said := pasteable(note))]
    if below:
        lines.append(rf"\par\smallskip\parbox{{{points}}}{{\footnotesize\raggedright\sloppy {' '.join(below)}}}")
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
    if "{sideways" in body:
        preamble += "\\usepackage{rotating}\n"
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
    heads = [_cited(escape(h.text), h.cite) + (rf"\,{escape(h.arrow)}" if h.arrow else "") for h in table.headers]
    return [*lines, " & ".join([escape(table.corner), *heads]) + r"\\"]


def _cited(label: str, cite: str) -> str:
    return label + (rf"~\cite{{{cite}}}" if cite else "")


def _label(line: Line, width: Width) -> str:
    text = escape(line.label)
    if text_width(line.label) > LABEL * POINTS[width]:
        room = _FLOATS[width][1]
        text = rf"\parbox[t]{{{LABEL}{room}}}{{\raggedright\sloppy {_breakable(line.label)}\strut}}"
    return _cited(text, line.cite)


def _cell(cell: Cell, number: dict[str, int], colour: bool) -> str:
    text = escape(cell.text)
    if not isinstance(cell.value, str):
        text = text.replace("-", "$-$") if text != "--" else text
        value, plus_minus, spread = text.partition(r" $\pm$ ")
        # smaller: the paper's columns have no room for two full numbers
        text = rf"{value}{{\scriptsize\,$\pm$\,{spread}}}" if plus_minus else value
        text = text.replace("*", "$^*$").replace("=", "$^=$")
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

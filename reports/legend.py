"""What a caption says of bold, underlined and ranked cells."""

from reports.table import Table


def legend(table: Table, *, colour: bool) -> str:
    """One sentence on how cells are marked, "" for a table that ranks nothing."""
    cells = [cell for line in table.lines for cell in line.cells]
    if not any(cell.rank for cell in cells):
        return ""
    best, second = ("bold red", "underlined blue") if colour else ("bold", "underlined")
    said = [f"Best {best}, second {second}, by the printed digits" + (" of each data set" if len(table.blocks) > 1
                                                                      else "")]
    if any(cell.tie for cell in cells):
        said.append("= marks a tie")
    if any(not line.ranked for line in table.lines):
        said.append("source rows are not ranked")
    if table.average_rank:
        said.append("Rank is the mean place over the columns, where ties share the mean of their places")
    return "; ".join(said) + "."


def captioned(table: Table, *, colour: bool) -> str:
    """The caption and, where there is one, the legend."""
    said = legend(table, colour=colour)
    return ". ".join(filter(None, [table.caption.rstrip("."), said])) if said else table.caption

"""Where units are done. An executor takes the plan's open units and yields (unit, outcome) as they end."""

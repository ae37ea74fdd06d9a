record.state = 'leased' AND record.losses >= 1

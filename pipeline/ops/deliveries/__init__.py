"""How deliveries stand, by channel: mails and pushes share one ledger."""

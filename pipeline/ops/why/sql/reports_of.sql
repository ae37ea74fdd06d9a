-- What providers said of deliveries since they accepted them. In: ids of deliveries.
SELECT
    delivery.id,
    jsonb_agg(
        jsonb_build_object('kind', report.kind, 'detail', report.detail, 'at', report.at)
        ORDER BY report.at, report.received_at
    ) AS reports
FROM fanout.deliveries AS delivery
JOIN fanout.provider_reports AS report
    ON report.provider = delivery.provider AND report.provider_id = delivery.provider_id
WHERE delivery.id = ANY (%(deliveries)s::uuid[])
GROUP BY delivery.id

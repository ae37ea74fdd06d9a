-- How many rows of activity.notifications of a person the services that wrote them have to delete.
SELECT 'activity.notifications', (
    SELECT count(*) FROM activity.notifications WHERE user_id = %(user)s
)

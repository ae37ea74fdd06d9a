-- Makes the constraint of 0021 valid, under a lock that lets everyone go on.
ALTER TABLE public.notification_processing
    VALIDATE CONSTRAINT notification_processing_status_check;

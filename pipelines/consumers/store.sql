-- The table that existing consumers fill. TimescaleDB users add: SELECT create_hypertable('plate_events', 'captured_at');
CREATE TABLE IF NOT EXISTS plate_events (
    event_id uuid NOT NULL,
    captured_at timestamptz NOT NULL,
    camera_id varchar(50) NOT NULL,
    track_id varchar(50) NOT NULL,
    plate_text varchar(20) NOT NULL,
    plate_normalized_text varchar(20) NOT NULL,
    plate_confidence float NOT NULL,
    plate_region varchar(10) NOT NULL,
    vehicle_type varchar(20),
    vehicle_make varchar(50),
    vehicle_model varchar(50),
    vehicle_color varchar(30),
    plate_image_url text,
    vehicle_image_url text,
    frame_image_url text,
    latency_ms int,
    quality_score float,
    frame_number int,
    site_id varchar(50),
    host_id varchar(100),
    roi varchar(50),
    direction varchar(20),
    revision int NOT NULL DEFAULT 0,
    created_at timestamptz DEFAULT now(),
    PRIMARY KEY (event_id, captured_at)
);
-- Tables that were made before there were revisions.
ALTER TABLE plate_events ADD COLUMN IF NOT EXISTS revision int NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS plate_events_plate ON plate_events (plate_normalized_text, captured_at DESC);
CREATE INDEX IF NOT EXISTS plate_events_camera ON plate_events (camera_id, captured_at DESC);

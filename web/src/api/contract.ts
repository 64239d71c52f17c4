/**
 * What the node's desk says, as JSON: degrees, metres, m/s and seconds, each with its unit in its
 * name. Times are ISO 8601 in UTC (`time`), or milliseconds since 1970 (`…_ms`).
 */
export type Phase = "coast" | "boost" | "reentry" | "manoeuvre";
export type Kind = "ballistic" | "quasi_ballistic" | "glide" | "orbital" | "aircraft" | "unknown";
export type RangeClass = "srbm" | "mrbm" | "irbm" | "icbm";
export type Level = "nothing" | "warning" | "assessment" | "tracklets" | "plots";
export const LEVELS: readonly Level[] = ["nothing", "warning", "assessment", "tracklets", "plots"];

export interface Polygon {
  type: "Polygon";
  coordinates: number[][][];
}

export interface Ellipse {
  semi_major_m: number;
  semi_minor_m: number;
  azimuth_deg: number;
}

export interface Track {
  id: number;
  status: "confirmed" | "ended";
  phase: Phase;
  time_ms: number;
  latitude_deg: number;
  longitude_deg: number;
  height_m: number;
  east_m_s: number;
  north_m_s: number;
  up_m_s: number;
  /** Of its place in local east, north, up: ee, en, eu, nn, nu, uu. */
  covariance_m2: number[];
  velocity_sigma_m_s: number;
  last_plot_ms: number;
  plots: number;
  sources: number;
}

export interface Place {
  time_ms: number;
  from_ms: number;
  until_ms: number;
  latitude_deg: number;
  longitude_deg: number;
  ellipse_95: Ellipse;
  area: Polygon | null;
}

export interface Apogee {
  time_ms: number;
  height_m: number;
  height_sigma_m: number;
}

export interface Path {
  time_ms: number[];
  latitude_deg: number[];
  longitude_deg: number[];
  height_m: number[];
  speed_m_s: number[];
}

export interface Source {
  nation: string;
  radar: string;
  own: boolean;
  plots: number;
  first_ms: number | null;
  last_ms: number | null;
  sees_now: boolean;
}

export interface Differences {
  kind: boolean;
  launch_m: number | null;
  launch_significant: boolean;
  launch_time_s: number | null;
  launch_time_significant: boolean;
  impact_m: number | null;
  impact_significant: boolean;
  impact_time_s: number | null;
  impact_time_significant: boolean;
  apogee_m: number | null;
  apogee_significant: boolean;
}

export interface NationAssessment {
  nation: string;
  own: boolean;
  flight: number;
  as_of_ms: number;
  kind: Kind;
  kind_probability: number;
  range_class: RangeClass | null;
  launch: Place | null;
  apogee: Apogee | null;
  impact: Place | null;
  differences: Differences;
}

export interface Acknowledgement {
  id: number;
  flight: number;
  who: string;
  time: string;
}

export interface Comment {
  id: number;
  flight: number;
  who: string;
  time: string;
  text: string;
}

export interface Flight {
  /** Of its track, in its picture alone. */
  id: number;
  /** The number of the same flight in all together; null: none there is the same. */
  shared_id: number | null;
  as_of_ms: number;
  status: "confirmed" | "ended";
  ended_because: string | null;
  urgency: number;
  kind: Kind;
  kind_probability: number;
  kind_probabilities: Record<string, number>;
  range_class: RangeClass | null;
  range_class_probability: number | null;
  parted_from: number | null;
  first_plot_ms: number;
  last_plot_ms: number;
  last_seen_by: string;
  plots: number;
  nations: string[];
  sources: Source[];
  seen_now_by: string[];
  independent_radars: number;
  launch: Place | null;
  apogee: Apogee | null;
  impact: Place | null;
  /** When each of two sorts of body that it may be comes down, the heavy first; `impact` holds both. */
  bodies: { light: boolean; probability: number; time_ms: number; from_ms: number; until_ms: number }[];
  ground_range_m: number | null;
  path_flown: Path | null;
  path_expected: Path;
  assessments: NationAssessment[];
  acknowledged: Acknowledgement[];
  comments: number;
}

export interface Partner {
  nation: string;
  link: {
    up: boolean;
    since_ms: number;
    delay_s: number | null;
    round_trip_s: number | null;
    backlog_batches: number;
    backlog_bytes: number;
    waiting_messages: number;
    alarms: string[];
  };
  left_out: boolean;
  released: {
    level: Level;
    openness: string;
    use: string[];
    rules: string[];
    sent: number;
    shed: number;
  };
  received: {
    counts: Record<string, number>;
    refused: { time: string; cause: string; place: string; reason: string; remedy: string }[];
    came_ms: number | null;
  };
}

export interface Status {
  nation: string;
  exercise: boolean;
  mode: "LIVE" | "EXERCISE";
  ready: boolean;
  connected: boolean;
  heard_ms: number;
  faults: string[];
  notices: string[];
  /** Of nations whose plots come late, how late; how far the node is behind with what came, 0: it is not. */
  late_s: Record<string, number>;
  behind_s: number;
  alerts: StandingAlert[];
  release_policy: { hash: string; by: string; since: string };
  journal_last: number;
  journal_waiting: number;
  version: string;
}

export interface Clock {
  time_ms: number;
  heard_ms: number;
  connected: boolean;
  newest_ms: number | null;
  came_ms: Record<string, number>;
}

export interface Tracks {
  time_ms: number;
  changed: Track[];
  gone: number[];
}

export interface Flights {
  time_ms: number;
  changed: Flight[];
  gone: number[];
}

export interface MultiPolygon {
  type: "MultiPolygon";
  coordinates: number[][][][];
}

/** What an area is told: it may come down here; near here, to be safe; or pass over. */
export type Danger = "fall" | "neighbour" | "pass";

export interface WarnedArea {
  id: string;
  names: Record<string, string>;
  danger: Danger;
  /** Probabilities that it comes down there, and passes over it; null: the message has none. */
  falls: number | null;
  passes: number | null;
  /** Between which that of which it is told may happen; null: not known. */
  first_ms: number | null;
  last_ms: number | null;
  area: MultiPolygon;
}

export interface Warning {
  id: string;
  event: string;
  /** Their numbers in all together, as far as this desk saw which they are. */
  flights: number[];
  exercise: boolean;
  kind: "alert" | "update" | "cancel" | "all_clear";
  in_force: boolean;
  expired: boolean;
  sent_ms: number;
  expires_ms: number;
  first_ms: number;
  messages: number;
  sender: string;
  radars: number;
  parts: WarningPart[];
  areas: WarnedArea[];
}

/** What some of the areas are told, the worst first: of a danger, or that it is over for them. */
export interface WarningPart {
  told: string;
  in_force: boolean;
  areas: string[];
  names: Record<string, string[]>;
  texts: Record<string, { headline: string; description: string; instruction: string; reason: string }>;
}

/** An alert that persons may release (`warning` is null: it waits), or cancel. */
export interface StandingAlert {
  event: number;
  /** What the `Warning` calls its event. */
  warning: string | null;
  flights: number[];
  areas: { id: string; names: Record<string, string>; danger: Danger; falls: number; passes: number; first_ms: number | null; last_ms: number | null }[];
  /** Whose release holds, of the `persons` that it takes. */
  released_by: string[];
  persons: number;
  /** A person has cancelled it. */
  withheld: boolean;
}

/** One message of a warning, as it was said. */
export interface WarningMessage {
  id: string;
  event: string;
  kind: Warning["kind"];
  sent_ms: number;
  parts: WarningPart[];
}

export interface Warnings {
  warns: boolean;
  fault: string;
  warnings: Warning[];
}

/** How one may log in; `provider`: as it is called, null where there is none. */
export interface LogInWays {
  nation: string;
  password: boolean;
  provider: string | null;
}

export interface SaidBy {
  nation: string;
  by: string;
  at: string;
}

export interface EventText {
  hash: string;
  text: string;
  proposed: SaidBy;
  nations: string[];
  confirmed: SaidBy[];
  /** Since when all of `nations` have confirmed it. */
  agreed: string | null;
}

/** A shared event in short. `names`: ours, and partners'; `count`: flights by nation. */
export interface EventLine {
  event: string;
  names: string[];
  began: string;
  latest: string;
  /** By partner that knows of it, the name that it was told. */
  told: Record<string, string>;
  count: Record<string, number>;
  acknowledged: SaidBy[];
  comments: number;
  texts: number;
  agreed: string | null;
  /** Texts that `nations` have not confirmed yet. */
  waiting: { hash: string; proposed: SaidBy; nations: string[] }[];
}

export interface StatedPlace {
  time: string;
  time_sigma_s: number | null;
  latitude_deg: number;
  longitude_deg: number;
}

/** A flight as a nation stated it to us, or as our own plots alone have it. */
export interface StatedFlight {
  flight: number;
  /** The number of the same flight in all together; null: none there is the same. */
  shared_id: number | null;
  as_of: string;
  kind: Kind;
  range_class: RangeClass | null;
  launch: StatedPlace | null;
  apogee: { time: string; height_km: number; height_sigma_km: number | null } | null;
  ground_range_km: number | null;
  impact: StatedPlace | null;
}

/** Of a flight no more than where and when it comes down. */
export interface StatedWarning {
  warning: number;
  as_of: string;
  from: string;
  until: string;
  area: Polygon | null;
}

/** How far two nations' statements of one flight are apart; null: one of them has it not. */
export interface Apart {
  flights: [number, number];
  kind_differs: boolean;
  range_km: number | null;
  range_differs: boolean;
  apogee_km: number | null;
  apogee_differs: boolean;
  launch_km: number | null;
  launch_differs: boolean;
  launch_time_s: number | null;
  launch_time_differs: boolean;
  impact_km: number | null;
  impact_differs: boolean;
  impact_time_s: number | null;
  impact_time_differs: boolean;
}

export interface EventDifference {
  between: [string, string];
  count: [number, number];
  count_differs: boolean;
  flights: Apart[];
}

export interface SharedEvent extends Omit<EventLine, "comments" | "texts"> {
  /** Own assessments are what own plots alone say now; else as partners were told. */
  alone: boolean;
  comments: (SaidBy & { text: string })[];
  texts: EventText[];
  assessments: Record<string, (StatedFlight | StatedWarning)[]>;
  differences: EventDifference[];
}

/** What was done, in a sentence. */
export interface Done {
  said: string;
}

/** What is said to partners. `to`: these alone; empty: all that may hear it. */
export interface Saying {
  to?: string[];
  text?: string;
  password?: string;
}

export interface Snapshot {
  picture: string;
  time_ms: number;
  tracks: Track[];
  flights: Flight[];
  partners: Partner[];
  status: Status;
  clock: Clock;
  warnings: Warnings;
}

export interface Radar {
  id: string;
  nation: string;
  own: boolean;
  latitude_deg: number;
  longitude_deg: number;
  height_m: number;
  max_range_m: number | null;
  min_elevation_deg: number;
  period_s: number | null;
  coverage: { height_m: number; area: Polygon }[];
}

export interface PictureName {
  name: string;
  own: boolean;
  partners: string[];
}

export interface Session {
  who: string;
  roles: string[];
  /** Has a key of their own, so that what is said to partners needs the password. */
  own_key: boolean;
  csrf_token: string;
  expires: string;
  nation: string;
  exercise: boolean;
  /** Logged in at a provider, so without a password here. */
  of_provider: boolean;
}

export interface Change {
  partner: string;
  more: string[];
  less: string[];
  other: string[];
}

export interface Proposal {
  hash: string;
  replaces: string;
  changes: Change[];
}

export interface Releases {
  text: string;
  hash: string;
  by: string;
  since: string;
  partners: Partner[];
}

export interface AuditEntry {
  id: number;
  time: string;
  who: string;
  what: string;
  about: string;
  outcome: string;
  hash: string;
}

export interface Moment {
  picture: string;
  time_ms: number;
  known: string | null;
  tracks: Track[];
  flights: Flight[];
  warnings: Warnings;
  consultations: SharedEvent[];
}

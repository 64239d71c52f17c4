"""All settings: each declared once, with its type, default, unit and a sentence.

Read from `[sensing]`, `[tracking]`, `[orbits]`, `[flight]`, `[late]`, `[sharing]`, `[entry]`,
`[release]`, `[node]`, `[link]`, `[feeds]`, `[journal]`, `[desk]`, `[warning]` and `[record]` of a
TOML file (`--settings`), from `SKYPACT_TRACKING__…` in the environment, or given in Python.
`docs/settings.md` is made from here.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as SettingsSourceError

from skypact.errors import SettingsError, nearest


class SensingSettings(BaseModel):
    """How plot files are read."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    reorder_window_s: float = Field(
        default=60.0,
        ge=0,
        le=1e9,
        description="A row may stand this much behind the newest time of its file and is put in "
        "order; one that is further out of time is refused, s.",
    )
    max_range_km: float = Field(
        default=50_000.0,
        ge=1e-3,
        le=1e9,
        description="A range beyond this is taken for an error of the file, km.",
    )
    max_listed_rejections: int = Field(
        default=1000,
        ge=0,
        le=10_000_000,
        description="Refused rows listed one by one, per file; the rest are counted.",
    )
    block_bytes: int = Field(
        default=1 << 21, ge=1, le=1 << 30, description="Bytes of a CSV file read at once."
    )
    batch_rows: int = Field(
        default=1 << 15, ge=1, le=1 << 26, description="Rows of a Parquet file read at once."
    )
    sea_level_sigma_m: float = Field(
        default=30.0,
        ge=0,
        description="ASTERIX heights are above the sea: how far that is from the ellipsoid, m.",
    )
    flight_level_sigma_m: float = Field(
        default=150.0,
        ge=0,
        description="How far a flight level is off from a height, for the pressure of the day, m,",
    )
    flight_level_sigma_share: float = Field(
        default=0.03,
        ge=0,
        le=1,
        description="... and for its temperature, as a share of the height.",
    )
    stated_sigma_ratio: float = Field(
        default=1.5,
        ge=1,
        description="An ASTERIX plot that states errors greater than its radar's by more than this "
        "is refused.",
    )


class TrackingSettings(BaseModel):
    """How observations become tracks."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    gate_chi_squared: float = Field(
        default=30.0,
        gt=0,
        description="Squared Mahalanobis distance beyond which a plot is not a track's.",
    )
    new_object_log_density: float = Field(
        default=-25.0,
        description="Natural log of how densely plots of objects not yet tracked are expected in a "
        "scan, per m rad²: a plot less likely than that under every track starts one of its own.",
    )
    plots_to_confirm: int = Field(
        default=5, ge=3, le=64, description="Fewest plots of a confirmed track."
    )
    confirm_speed_sigma_m_s: float = Field(
        default=500.0,
        gt=0,
        description="A track is confirmed once its speed is known this well, m/s.",
    )
    fit_plots: int = Field(
        default=64, ge=4, le=256, description="A young track is fitted anew up to this many plots."
    )
    fit_seconds: float = Field(default=8.0, gt=0, description="... and over at most this span, s.")
    start_window_s: float = Field(
        default=30.0,
        gt=0,
        description="A plot that is no track's waits for others of its object for so many looks as "
        "a start takes, but no longer than this, s.",
    )
    greatest_speed_m_s: float = Field(
        default=9000.0, gt=0, description="No new object is faster than this, m/s."
    )
    false_tracks_1_hour: float = Field(
        default=0.5,
        gt=0,
        description="How many tracks may start from false plots alone, whatever their density, in "
        "an hour.",
    )
    start_doubt_log_ratio: float = Field(
        default=5.0,
        ge=0,
        description="No track starts while other plots of the same looks make a path that is less "
        "likely by no more than this, natural log.",
    )
    start_doubt_chi_squared: float = Field(
        default=20.0,
        ge=0,
        description="... and that ends elsewhere: place and velocity off by more than this χ² of "
        "the likelier path.",
    )
    greatest_waiting_plots: int = Field(
        default=500_000,
        ge=64,
        description="Most plots that wait for a track, 130 bytes each; the oldest go first.",
    )
    lost_timeout_s: float = Field(
        default=120.0,
        gt=0,
        description="A track that is not in free flight ends when unseen for so long, s.",
    )
    first_plots: int = Field(
        default=128,
        ge=8,
        le=4096,
        description="How many of a track's first plots are kept for its launch.",
    )
    first_plots_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Plots of the first so many seconds are kept for its launch, s.",
    )
    sunk_m: float = Field(
        default=100.0,
        ge=0,
        description="A falling track ends once its estimate is so deep down, m.",
    )
    parting_m: float = Field(
        default=1000.0,
        ge=0,
        description="A track that begins so near another, beside 5σ, parted from it, m;",
    )
    parting_m_s: float = Field(
        default=300.0, ge=0, description="... if it is no faster than this beside it, m/s,"
    )
    parting_after_s: float = Field(
        default=10.0, ge=0, description="... and the other was seen at least so long before, s."
    )
    greatest_couples: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Most couples: two tracks near each other, followed as one joint state.",
    )
    couple_beliefs: int = Field(
        default=16, ge=2, le=64, description="... and how many hypotheses each keeps."
    )
    contested_log_ratio: float = Field(
        default=3.0,
        ge=0,
        description="Two tracks are followed together once their plots the other way round are "
        "less likely by no more than this, natural log,",
    )
    couple_sure_s: float = Field(
        default=10.0, gt=0, description="... until for so long whose plots are whose was plain, s;"
    )
    couple_unseen_s: float = Field(
        default=10.0, gt=0, description="... or neither was seen for so long, s."
    )
    past_s: float = Field(
        default=15.0,
        gt=0,
        description="A track in free flight remembers how it was so long ago, and twice that, s: "
        "what parted from it was one with it then.",
    )
    parted_before_s: float = Field(
        default=10.0,
        ge=0,
        description="What parts from another is taken for one with it up to so long before it is "
        "first seen, s.",
    )
    parting_sigma_m: float = Field(
        default=5.0, gt=0, description="Where it parts, beside the other: 1σ of each component, m;"
    )
    parting_sigma_m_s: float = Field(
        default=8.0, gt=0, description="how fast, 1σ of each component, m/s,"
    )
    behind_m_s: float = Field(
        default=5.0, ge=0, description="... about this much slower along the way, m/s;"
    )
    payload_sigma_m_s: float = Field(
        default=1.0, ge=0, description="what that does to the other, 1σ of each component, m/s."
    )
    young_sigma_m: float = Field(
        default=300.0,
        gt=0,
        description="Two tracks that began together are followed anew from their first plots: how "
        "far from where the first began, 1σ of each component, m,",
    )
    young_sigma_m_s: float = Field(
        default=30.0, gt=0, description="... and how much faster, 1σ of each component, m/s."
    )
    greatest_tracks: int = Field(default=100_000, ge=16, description="Most tracks at once.")
    greatest_ended: int = Field(
        default=100_000,
        ge=1,
        description="Most ended tracks kept in the picture; the oldest go first.",
    )

    speed_sigma_m_s: float = Field(
        default=4000.0,
        gt=0,
        description="Belief about a new object's speed: 1σ of each component, m/s.",
    )
    thrust_sigma_m_s2: float = Field(
        default=30.0,
        gt=0,
        description="Belief about thrust acceleration: 1σ of each component, m/s².",
    )
    ballistic_parameter_kg_m2: float = Field(
        default=5000.0,
        gt=0,
        description="Belief about the ballistic parameter m/(C_D A): median, kg/m².",
    )
    ballistic_parameter_ln_sigma: float = Field(
        default=0.5, gt=0, description="... and the standard deviation of its logarithm."
    )
    lift_sigma_m2_kg: float = Field(
        default=1.5e-3, gt=0, description="Belief about lift C_L A/m: 1σ, m²/kg."
    )
    lift_acceleration_sigma_m_s2: float = Field(
        default=40.0, gt=0, description="... and about what it does where air is dense: 1σ, m/s²."
    )
    least_lift_m_s2: float = Field(
        default=0.2,
        gt=0,
        description="A manoeuvre is thought of where lift could exceed this, m/s².",
    )

    gravity_degree: int = Field(
        default=36, ge=2, le=80, description="Degree and order of gravity in free flight."
    )
    gravity_sigma_m_s2: float = Field(
        default=1.8e-4, ge=0, description="Gravity beyond that degree at the ground, 1σ, m/s²."
    )
    gravity_scale_m: float = Field(
        default=135e3, gt=0, description="Height over which that falls by e, m."
    )
    gravity_time_s: float = Field(default=40.0, gt=0, description="How long it stays alike, s.")
    thrust_density_m2_s5: float = Field(
        default=4.0, gt=0, description="Change of thrust: spectral density of jerk, m²/s⁵."
    )
    inverse_ballistic_density_1_s: float = Field(
        default=1e-4,
        ge=0,
        description="Change of ln of the ballistic parameter: spectral density, 1/s.",
    )
    manoeuvre_density_m2_s5: float = Field(
        default=30.0, gt=0, description="Change of lift and drag: spectral density of jerk, m²/s⁵."
    )

    registration: bool = Field(
        default=True,
        description="Whether tracks share what each has learnt of their radars' biases.",
    )
    registration_gate_sigma: float = Field(
        default=4.0,
        gt=0,
        description="A track tells of biases if it agrees with what all others tell within so many "
        "σ (Fisher's approximation of χ).",
    )
    registered_ended: int = Field(
        default=256,
        ge=0,
        le=100_000,
        description="Most ended tracks that tell of biases, and are told; the oldest go first.",
    )
    bias_time_constant_h: float = Field(
        default=240.0,
        gt=0,
        description="Biases drift: what is known of one falls by e in so long, h.",
    )

    boost_ends_1_s: float = Field(
        default=1 / 60, gt=0, description="Rate at which boosts end, 1/s."
    )
    boost_starts_1_s: float = Field(
        default=2e-6, gt=0, description="Rate at which free flight turns to boost, 1/s."
    )
    manoeuvre_starts_1_s: float = Field(
        default=1 / 100, gt=0, description="Rate at which manoeuvres start in air, 1/s."
    )
    manoeuvre_ends_1_s: float = Field(
        default=1 / 60, gt=0, description="Rate at which manoeuvres end, 1/s."
    )

    new_object_log_density_m3: float = Field(
        default=-52.0,
        description="`new_object_log_density` for tracklets, per m³ of space: the same at 700 km.",
    )
    greatest_partner_radars: int = Field(
        default=16,
        ge=0,
        le=256,
        description="Most radars of partners whose tracklets are used; each that has biases makes "
        "every track's state longer by 8.",
    )
    greatest_foreign_tracks: int = Field(
        default=1000, ge=0, description="Most finished tracks of unknown pedigree that are kept."
    )
    foreign_track_timeout_s: float = Field(
        default=30.0,
        gt=0,
        description="One that is so much older, or newer, than a track is not intersected with it, "
        "s.",
    )
    greatest_tracklet_s: float = Field(
        default=10.0, gt=0, description="Longest time that the plots of one tracklet may span, s."
    )
    greatest_height_m: float = Field(
        default=50e6, gt=0, description="A tracklet of a place higher than this is refused, m."
    )
    least_tracklet_sigma_m: float = Field(
        default=0.1,
        gt=0,
        description="A tracklet that claims to know a place better is refused, m.",
    )
    least_tracklet_sigma_m_s: float = Field(
        default=1e-3,
        gt=0,
        description="A tracklet that claims to know a velocity better is refused, m/s.",
    )


class OrbitSettings(BaseModel):
    """How objects with known orbits tell of radars' biases.

    Errors of two-line elements are of the size that Flohrer, Krag & Klinkrad (AMOS 2008) found at
    their epoch in low orbits, rounded, and grow by 1 to 3 km a day, most of it along the orbit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    radial_sigma_m: float = Field(
        default=150.0, gt=0, description="Error of a known orbit at its epoch, up: 1σ, m,"
    )
    along_sigma_m: float = Field(default=600.0, gt=0, description="... along the orbit, m,")
    cross_sigma_m: float = Field(default=150.0, gt=0, description="... and across it, m.")
    radial_growth_m_day: float = Field(
        default=50.0, ge=0, description="What each day away from the epoch adds to them: up, m,"
    )
    along_growth_m_day: float = Field(default=2000.0, ge=0, description="... along, m,")
    cross_growth_m_day: float = Field(default=50.0, ge=0, description="... and across, m.")
    common_share: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="Share of that variance that is alike in all passes of one object.",
    )
    oldest_days: float = Field(
        default=7.0, gt=0, description="Elements farther than this from a plot are not used, days."
    )
    gate_chi_squared: float = Field(
        default=30.0, gt=0, description="Squared distance beyond which a plot is not an object's."
    )
    fewest_plots: int = Field(
        default=10, ge=3, description="Fewest plots that one radar must have of a pass."
    )
    pass_gap_s: float = Field(
        default=1200.0, gt=0, description="A pass ends where no plot comes for so long, s."
    )
    ut1_utc_s: float = Field(
        default=0.0, ge=-1, le=1, description="UT1 - UTC, s; 0.1 s are 50 m in low orbits."
    )
    polar_x_arcsec: float = Field(
        default=0.0, ge=-1, le=1, description="Pole's x, arc seconds; 0.3 are 10 m."
    )
    polar_y_arcsec: float = Field(default=0.0, ge=-1, le=1, description="... and y, arc seconds.")


class FlightSettings(BaseModel):
    """How tracks become flights: what is believed of flights before they are seen."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    impact_samples: int = Field(
        default=512, ge=64, le=65536, description="Paths carried to the ground for an impact area."
    )
    manoeuvre_samples: int = Field(
        default=160,
        ge=48,
        le=65536,
        description="... and of each kind that manoeuvres, whose paths take far longer to carry.",
    )
    descent_paths: int = Field(
        default=64,
        ge=8,
        le=4096,
        description="Paths to the ground whose places on the way are looked at for warnings.",
    )
    launch_samples: int = Field(
        default=3000,
        ge=200,
        le=100_000,
        description="Boosts compared with what was seen of a launch.",
    )
    greatest_boost_probability: float = Field(
        default=0.2, gt=0, lt=1, description="Above it a boost may go on and no impact is foretold."
    )
    ballistic_parameter_kg_m2: float = Field(
        default=5000.0,
        gt=0,
        description="Belief about the ballistic parameter m/(C_D A): median, kg/m².",
    )
    ballistic_parameter_ln_sigma: float = Field(
        default=0.5, gt=0, description="... and the standard deviation of its logarithm."
    )
    light_share: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="Belief that an object is light, as a spent stage is, before air slows it.",
    )
    light_ballistic_parameter_kg_m2: float = Field(
        default=550.0, gt=0, description="... its ballistic parameter's median, kg/m²."
    )
    light_ballistic_parameter_ln_sigma: float = Field(
        default=0.5, gt=0, description="... and the standard deviation of its logarithm."
    )
    air_density_ln_sigma: float = Field(
        default=0.01,
        ge=0,
        description="How far the air's density is from what is known of it: 1σ of its logarithm. "
        "0.01 with a forecast, 0.03 without.",
    )
    wind_sigma_m_s: float = Field(
        default=3.0,
        ge=0,
        description="Wind on the way down that is not known: 1σ of each component, m/s. "
        "3 with a forecast, 10 without.",
    )
    ballistic_share: float = Field(default=0.80, gt=0, description="Share of ballistic flights.")
    quasi_ballistic_share: float = Field(
        default=0.12, ge=0, description="Share of flights that pull up on their way down."
    )
    glide_share: float = Field(default=0.08, ge=0, description="Share of flights that glide.")
    manoeuvre_lag_s: float = Field(
        default=6.0,
        ge=0,
        description="The longest a tracker takes to follow a change of lift, s; half take 1/16.",
    )
    manoeuvre_noticed_m: float = Field(
        default=300.0,
        gt=0,
        description="A pull-up or glide that began is not noticed before lift has bent its path "
        "by about so much, m.",
    )
    glide_ends_soon_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Least belief that a glide under way dives within the next minute.",
    )
    aircraft_speed_m_s: float = Field(
        default=1000.0,
        gt=0,
        description="Below this speed what stays in the air is an aircraft, m/s.",
    )
    aircraft_height_m: float = Field(
        default=30e3, gt=0, description="... if it never was higher than this, m."
    )


class WarningSettings(BaseModel):
    """When areas are warned, and when that ends."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    alert_probability: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="An area is alerted once something comes down in it with this probability,",
    )
    pass_probability: float = Field(
        default=0.1, gt=0, le=1, description="... or its path passes over it with this one;"
    )
    urgent_probability: float = Field(
        default=0.005,
        gt=0,
        lt=1,
        description="... or comes down with this one, once less time than the least lead remains.",
    )
    least_lead_s: float = Field(
        default=190.0, ge=0, description="The least lead: time before it may come down first, s."
    )
    neighbour_probability: float = Field(
        default=0.001,
        ge=0,
        lt=1,
        description="With an area its neighbours are alerted in which it comes down with this one.",
    )
    neighbour_km: float = Field(
        default=1.0, ge=0, le=5000, description="Areas no farther apart are neighbours, km."
    )
    clear_probability: float = Field(
        default=0.0005,
        ge=0,
        lt=1,
        description="Below it, of coming down and of passing over, an alerted area is cleared,",
    )
    clear_after_s: float = Field(
        default=60.0, ge=0, description="... once it was below for so long with its track seen, s,"
    )
    passed_after_s: float = Field(
        default=10.0,
        ge=0,
        description="... or for so long after the last time at which it could pass over, s.",
    )
    settles_s: float = Field(
        default=5.0,
        ge=0,
        description="To an event under alert a new part adds areas that it passes over once it was "
        "foretold for so long, s; areas where it may fall it adds at once.",
    )
    lost_after_s: float = Field(
        default=10.0,
        gt=0,
        description="A track unseen for so long is lost: what was said holds, and says so, s. Time "
        "in which the node itself took nothing in does not count.",
    )
    greatest_lag_s: float = Field(
        default=10.0,
        gt=0,
        description="/health names it once warnings are decided as of longer ago than this, or by "
        "ways down that are so much older than a track's newest plot, s.",
    )
    over_after_s: float = Field(
        default=60.0,
        ge=0,
        description="All is clear so long after the last time at which it may come down, s.",
    )
    times_change_s: float = Field(
        default=20.0, gt=0, description="Times that changed by more are said anew, s,"
    )
    update_every_s: float = Field(
        default=15.0,
        gt=0,
        description="... but an Update of an event goes no sooner than so long after the message "
        "before, s; at once where danger grows: another area, or a worse danger.",
    )
    expires_s: float = Field(
        default=900.0,
        ge=60,
        description="A message expires after so long, s; one that holds is said anew before.",
    )
    release_persons: int = Field(
        default=0,
        ge=0,
        le=8,
        description="So many persons release an alert, each with a key of their own, before it "
        "goes out; 0: none, it goes by rule alone.",
    )
    at_once_probability: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Without them it goes once it comes down in an area with this probability,",
    )
    at_once_lead_s: float = Field(
        default=300.0, ge=0, description="... or once less time than this is left, s."
    )
    kept_h: float = Field(
        default=24.0,
        gt=0,
        description="The server keeps messages for who was away for so long, hours,",
    )
    kept_mib: int = Field(
        default=64, ge=1, description="... and no more than this, MiB; the oldest go first."
    )
    send_again_s: float = Field(
        default=1.0, gt=0, description="A message that the server did not take is sent again, s."
    )
    look_every_s: float = Field(
        default=0.2,
        gt=0.01,
        le=10,
        description="Without news flights are looked at so often, s; with news at once,",
    )
    rest_s: float = Field(
        default=0.01,
        ge=0,
        le=10,
        description="... but after a rest of so long, or of as long as the look took, s.",
    )
    first_ways: int = Field(
        default=48,
        ge=48,
        le=65536,
        description="Ways down of a flight of which none were carried before: few, as it waits.",
    )
    first_paths: int = Field(
        default=16,
        ge=8,
        le=4096,
        description="... and paths whose places on the way are looked at.",
    )

    def first(self, flight: "FlightSettings") -> "FlightSettings":
        """How a flight's first ways down are carried."""
        few = {"impact_samples": self.first_ways, "manoeuvre_samples": self.first_ways}
        return flight.model_copy(update=few | {"descent_paths": self.first_paths})


class LateSettings(BaseModel):
    """What becomes of late and disordered data, and how far back a picture can be put right."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    window_s: float = Field(
        default=60.0,
        ge=0,
        le=86_400,
        description="What is older than the watermark by more is late and not used, s.",
    )
    clock_tolerance_s: float = Field(
        default=1.0,
        ge=0,
        le=3600,
        description="A time further ahead of the receiver's clock is refused, s.",
    )
    live_s: float = Field(
        default=30.0,
        ge=0,
        le=86_400,
        description="A source whose newest accepted time is further behind the receiver's clock no "
        "longer holds the watermark back, s.",
    )
    scan_s: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        description="Plots further apart are of different scans, whatever their numbers, s; for a "
        "radar with a period 1.5 of that instead.",
    )
    greatest_scan_plots: int = Field(
        default=5000,
        ge=1,
        le=1_000_000,
        description="Most plots of one scan; an arrival that would make it more is refused.",
    )
    cut_s: float = Field(
        default=10.0,
        ge=0,
        le=86_400,
        description="A source of which nothing came for so long was cut off: numbers missing since "
        "then are never late, s.",
    )
    greatest_gaps: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Most runs of missing numbers remembered of a source; the oldest go first.",
    )
    greatest_rewind: int = Field(
        default=500,
        ge=1,
        le=1_000_000_000,
        description="Most scans and tracklets folded anew at once (16 plots are as one more); what "
        "comes so late that it were more goes into a rebuild beside the picture.",
    )
    catch_up_idle_s: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        description="A source catching up that sends nothing for so long has sent all, s.",
    )
    catch_up_s: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="A rebuild gathers what sources catching up send for at most so long, s; what "
        "comes then waits for the next.",
    )
    checkpoint_s: float = Field(
        default=0.5, ge=0.01, le=3600, description="Checkpoints are at least so far apart, s,"
    )
    checkpoint_share: float = Field(
        default=0.1,
        ge=0.01,
        le=10,
        description="... and by at most this share of their age: what a rewind may cost too much.",
    )
    greatest_checkpoint_mib: float = Field(
        default=256.0,
        gt=0,
        le=1e6,
        description="Memory for checkpoints, MiB; beyond it they lie further apart.",
    )
    near_checkpoints: int = Field(
        default=12,
        ge=0,
        le=100,
        description="Beside them so many close to the present, for what is late by milliseconds;",
    )
    near_checkpoint_mib: float = Field(
        default=64.0, ge=0, le=1e6, description="... of at most so much memory together, MiB."
    )
    kept_s: float = Field(
        default=86_400.0,
        gt=0,
        le=1e8,
        description="Checkpoints and the plots after them are kept for so long, s.",
    )
    greatest_kept_plots: int = Field(
        default=2_000_000,
        ge=100,
        le=1_000_000_000,
        description="Most plots kept (some 104 bytes each); beyond it the oldest go first.",
    )
    greatest_kept_tracklets: int = Field(
        default=150_000,
        ge=100,
        le=100_000_000,
        description="Most tracklets kept (some 1,450 bytes each); beyond it the oldest go first.",
    )
    greatest_batch_tracklets: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Most tracklets of one batch, and of one arrival; one with more is refused.",
    )
    greatest_nation_labels: int = Field(
        default=8,
        ge=1,
        le=256,
        description="Most labels of one nation whose tracklets are used, so that none takes up all "
        "of `tracking.greatest_partner_radars`.",
    )
    saved_checkpoint_mib: float = Field(
        default=64.0,
        gt=0,
        le=1e6,
        description="Of the checkpoints at most so much goes into a live picture's saved state, "
        "MiB; the ones that are closest for their age are left out.",
    )


class SharingSettings(BaseModel):
    """What partners get."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    coast_batch_s: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="In coast a tracklet holds the plots of so long; else those of one look, s.",
    )
    unknown_speed_m_s: float = Field(
        default=4000.0,
        gt=0,
        description="Speed along the line of sight, 1σ, of what has no confirmed track yet: what a "
        "radar's time offset may do to its plots, m/s.",
    )
    rounding_sigma: float = Field(
        default=1 / 512,
        gt=0,
        le=1,
        description="Rounded tracklets: step of rounding, in standard deviations of a measurement,",
    )
    rounding_reach_m: float = Field(
        default=5000.0,
        gt=0,
        description="... for a true place as far as this from that about which was linearised, m.",
    )
    hidden_range_km: float = Field(
        default=2000.0,
        gt=0,
        description="Hidden tracklets claim the error of plots at this range, wherever they are; "
        "plots from farther are not released, km.",
    )
    hidden_step: float = Field(
        default=1.0,
        ge=1,
        description="Hidden tracklets: 1: always that error; above: that, or smaller by powers of "
        "this. Smaller steps cost less and leak more.",
    )
    hidden_correlation_s: float = Field(
        default=220.0, gt=0, description="Hidden tracklets: how long their offset stays alike, s."
    )
    hidden_cover: float = Field(
        default=6.0,
        ge=1,
        description="Hidden tracklets: the offset's variance over the greatest that biases have.",
    )
    hidden_added: float = Field(
        default=1.0,
        ge=0,
        description="Hidden tracklets: variance of the offset that is added, over that.",
    )
    hidden_tracks: int = Field(
        default=4096, ge=1, description="Hidden tracklets: most tracks whose offset is remembered."
    )


class EntrySettings(BaseModel):
    """What a partner's messages must keep to before anything is made of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    greatest_message_bytes: int = Field(
        default=1_000_000, ge=1000, le=64_000_000, description="Longest message, bytes."
    )
    greatest_plots: int = Field(
        default=5000, ge=1, le=1_000_000, description="Most plots of one message."
    )
    greatest_tracklets: int = Field(
        default=700, ge=1, le=100_000, description="Most tracklets of one message."
    )
    greatest_path_points: int = Field(
        default=5000, ge=2, le=1_000_000, description="Most points of a stated path."
    )
    greatest_area_points: int = Field(
        default=2000, ge=4, le=1_000_000, description="Most corners of a stated area."
    )
    clock_ahead_s: float = Field(
        default=1.0,
        ge=0,
        le=3600,
        description="What was sent or seen further ahead of the receiver's clock is refused, s.",
    )
    clock_wait_s: float = Field(
        default=7200.0,
        ge=0,
        le=1e6,
        description="... at once on the live path; on the durable path it waits, unless it is so "
        "far ahead, s.",
    )
    oldest_s: float = Field(
        default=86_400.0,
        gt=0,
        le=1e8,
        description="What was seen longer ago is refused: no picture goes back so far, s.",
    )
    epoch_ahead_s: float = Field(
        default=86_400.0,
        ge=0,
        le=1e9,
        description="An epoch is the second of its start, or little more: one further ahead of "
        "the receiver's clock is refused, s.",
    )
    greatest_range_km: float = Field(
        default=50_000.0, gt=0, le=1e9, description="A partner's plot from farther is refused, km."
    )
    greatest_height_km: float = Field(
        default=50_000.0, gt=0, le=1e9, description="... and what is higher, km,"
    )
    deepest_km: float = Field(default=100.0, ge=0, le=6000, description="... or deeper, km,")
    greatest_speed_m_s: float = Field(
        default=20_000.0, gt=0, le=3e8, description="... and what is faster, m/s."
    )
    least_sigma_m: float = Field(
        default=0.1,
        gt=0,
        description="A tracklet that claims to know a place better is refused, m.",
    )
    greatest_span_s: float = Field(
        default=10.0, gt=0, description="Longest time that the plots of one message may span, s."
    )
    kept_opened: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Messages of each partner that came live and are known when the durable path "
        "brings them, so that they need not be opened again.",
    )
    live_1_s: float = Field(
        default=2000.0,
        gt=0,
        description="Messages that a partner may send on the live path, 1/s; more are refused, and "
        "the durable path brings them.",
    )
    live_burst: int = Field(
        default=4000, ge=1, description="... and how many at once, after a rest."
    )
    durable_1_s: float = Field(
        default=20_000.0, gt=0, description="Messages on the durable path, 1/s; more wait."
    )
    durable_burst: int = Field(default=20_000, ge=1, description="... and how many at once.")
    mebibytes_1_s: float = Field(default=64.0, gt=0, description="Both by size, MiB/s.")
    mebibyte_burst: float = Field(default=128.0, ge=1, description="... and at once, MiB.")
    refusals_1_s: float = Field(
        default=1.0, gt=0, description="Refusals that a partner may cause, 1/s:"
    )
    refusal_burst: int = Field(
        default=100, ge=1, description="... or so many at once; beyond it it is put aside"
    )
    aside_s: float = Field(
        default=60.0,
        gt=0,
        le=86_400,
        description="... for so long, s, and comes back with half its burst of refusals left.",
    )
    kept_refusals: int = Field(
        default=200, ge=1, le=1_000_000, description="Refused messages kept of each partner;"
    )
    kept_refused_bytes: int = Field(
        default=2048, ge=0, le=1_000_000, description="... and so much of each, bytes."
    )
    refusal_told_s: float = Field(
        default=600.0,
        gt=0.0,
        le=86_400.0,
        description="Health tells of a partner's refused messages until so long after the last, s.",
    )
    greatest_gaps: int = Field(
        default=10_000,
        ge=1,
        le=10_000_000,
        description="Most runs of numbers with others missing between; beyond it the live path "
        "opens no new gap.",
    )
    greatest_unconfirmed: int = Field(
        default=100_000,
        ge=1,
        le=10_000_000,
        description="Most messages of the live path whose digest is kept until the durable path "
        "brings them too, 100 bytes each.",
    )
    kept_digests: int = Field(
        default=10_000,
        ge=1,
        le=10_000_000,
        description="So many last messages of the durable path are known by their digest, 100 "
        "bytes each: more than the link repeats after a cut.",
    )
    greatest_statements: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Most flights and warnings that a partner states at a time; the oldest go.",
    )
    statement_s: float = Field(
        default=3600.0,
        gt=0,
        description="A statement that its partner does not take back goes so long after the fall "
        "that it tells of, or after it was made, s.",
    )


class ReleaseSettings(BaseModel):
    """How it is decided what leaves."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    greatest_policy_bytes: int = Field(
        default=1_000_000, ge=1000, le=100_000_000, description="Longest release policy, bytes."
    )
    assess_every_s: float = Field(
        default=15.0,
        gt=0,
        le=3600,
        description="How often it is asked of what kind a track is, for rules by kind, s.",
    )
    state_every_s: float = Field(
        default=2.0,
        gt=0,
        le=3600,
        description="How often a flight is stated to a partner anew, s of its own time.",
    )
    greatest_behind_s: float = Field(
        default=1.0,
        ge=0,
        description="Own plots that are so much older than others that left are in no release "
        "picture, and leave by themselves, s.",
    )


class NodeSettings(BaseModel):
    """What a node does by its own clock."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mark_every_s: float = Field(
        default=1.0, gt=0, le=60, description="How often the pictures get a clock mark, s."
    )
    greatest_lag_s: float = Field(
        default=5.0,
        gt=0,
        description="Where plots come so long after they were made, or the node takes in so late "
        "what came, /health and the desk say so; it is no fault of the node, s.",
    )
    national_every_s: float = Field(
        default=0.1,
        ge=0,
        le=60,
        description="The national picture, which no partner waits for, is folded so often, s; when "
        "it is asked for, at once.",
    )
    checkpoint_every_s: float = Field(
        default=30.0,
        gt=0,
        description="How often the pictures are saved, s; a restart folds what came since.",
    )
    kept_checkpoints: int = Field(default=4, ge=1, le=100, description="Saved pictures kept.")
    release_replay_s: float = Field(
        default=600.0,
        ge=0,
        description="A restarted node folds so much again for what leaves, s.",
    )
    send_again_s: float = Field(
        default=30.0,
        ge=0,
        description="... and offers what went in so many seconds before it was killed again, s.",
    )
    rebuild_plots: int = Field(
        default=500, ge=1, description="Plots folded at once of a picture that is rebuilt."
    )
    policy_replay_s: float = Field(
        default=60.0,
        ge=0,
        description="Release pictures of another policy are made from plots of so long before, s,",
    )
    policy_replay_flight_s: float = Field(
        default=2400.0,
        ge=0,
        description="... or from the first plot of the longest flight that is still followed, but "
        "no longer ago than this, s,",
    )
    policy_replay_arrivals: int = Field(
        default=20_000, ge=1, description="... and from so many arrivals at most."
    )
    order_s: float = Field(
        default=60.0, gt=0, description="An operator's order waits so long for the journal, s."
    )
    silent_server_s: float = Field(
        default=15.0,
        gt=0,
        description="The nation's server is ended, and started anew, when for so long it does not "
        "answer the journal though its disk has room, s.",
    )
    stage_silent_s: float = Field(
        default=5.0,
        gt=0,
        description="A stage that is a process of its own is gone when it was not heard of for so "
        "long, s.",
    )
    stage_answer_s: float = Field(
        default=3.0,
        gt=0,
        description="A stage that is a process of its own waits so long for an answer of its node "
        "before it asks again, s.",
    )
    stage_waiting: int = Field(
        default=256,
        ge=1,
        description="Most requests of such stages that wait in their node; more are to be sent "
        "again.",
    )
    greatest_clock_step_s: float = Field(
        default=0.5,
        gt=0,
        le=60,
        description="A step of the machine's clock by more is not followed, but named, s.",
    )


class LinkSettings(BaseModel):
    """How messages get to partners and from them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    heartbeat_s: float = Field(
        default=1.0, gt=0.01, le=60, description="A heartbeat goes to each partner so often, s."
    )
    silent_s: float = Field(
        default=3.5,
        gt=0.05,
        le=3600,
        description="A link is down when no heartbeat came for so long, s.",
    )
    wedged_s: float = Field(
        default=10.0,
        gt=0.1,
        le=3600,
        description="Alarm, and the inbox is made to ask anew, when a link is up, the partner has "
        "more for this nation and nothing came by the durable path for so long, s.",
    )
    batch_s: float = Field(
        default=0.002,
        ge=0,
        le=1,
        description="Durable path: messages of so long go into the outbox together, s,",
    )
    copy_batch_s: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="... where they went by the live path too, and the copy is only for what that "
        "loses, s,",
    )
    cut_batch_s: float = Field(
        default=0.25,
        ge=0,
        le=10,
        description="... while the partner is out of reach, when nobody waits for them, s.",
    )
    batch_bytes: int = Field(
        default=262_144,
        ge=1024,
        le=8_388_608,
        description="Durable path: at most so much of them together, bytes.",
    )
    batch_messages: int = Field(
        default=4096, ge=1, le=65_536, description="Durable path: at most so many together."
    )
    batches_in_flight: int = Field(
        default=4, ge=1, le=1024, description="Batches handed to the outbox before it answers."
    )
    answer_s: float = Field(
        default=5.0, gt=0.1, le=600, description="The server answers within so long, s."
    )
    settle_s: float = Field(
        default=0.5,
        ge=0,
        le=60,
        description="A node that stops waits so long for the outboxes to have all, s; what they "
        "have not is offered again at its next start.",
    )
    waiting_messages: int = Field(
        default=100_000,
        ge=1,
        le=100_000_000,
        description="Most messages a partner that the outbox has not acknowledged; beyond it "
        "publishing is refused.",
    )
    waiting_mib: int = Field(
        default=128, ge=1, le=65_536, description="... and most of their bytes, MiB."
    )
    live_queue_messages: int = Field(
        default=2000,
        ge=1,
        le=10_000_000,
        description="Live path: most messages of a partner that wait to be taken in; beyond it "
        "they are dropped and counted: the durable path brings them.",
    )
    slice_s: float = Field(
        default=0.002,
        ge=0,
        le=1,
        description="A partner's messages are taken in for so long; then one's own plots, and the "
        "other partners, have a turn, s.",
    )
    unacknowledged_batches: int = Field(
        default=1000,
        ge=8,
        le=100_000,
        description="Batches on the way to a partner's server before it acknowledges them all.",
    )
    kept_messages: int = Field(
        default=20_000,
        ge=100,
        le=10_000_000,
        description="Messages of each partner that are known again when they come twice, 100 bytes "
        "each.",
    )
    inbox_batches: int = Field(
        default=512, ge=1, le=10_000, description="Batches fetched from an inbox at once."
    )
    max_message_bytes: int = Field(
        default=524_288, ge=64, le=16_777_216, description="Longest message, bytes."
    )
    max_payload_bytes: int = Field(
        default=1_048_576,
        ge=4096,
        le=33_554_432,
        description="Longest payload that the server takes, bytes: more than the longest batch.",
    )
    look_s: float = Field(
        default=1.0,
        gt=0.01,
        le=3600,
        description="The folder is looked at for partners that were added or removed so often, s.",
    )
    ping_s: float = Field(
        default=3.0,
        ge=0.1,
        le=120,
        description="The server pings its links so often; after the third without answer a link "
        "is closed, s.",
    )
    reconnect_s: float = Field(
        default=1.0, gt=0.01, le=600, description="A server dials a partner again after so long, s."
    )
    ready_s: float = Field(
        default=10.0, gt=0.1, le=600, description="The server is ready within so long, s."
    )
    stop_s: float = Field(
        default=2.0, gt=0.1, le=600, description="It stops within so long, or is killed, s."
    )
    restart_first_s: float = Field(
        default=0.1, gt=0, le=600, description="A server that died is started anew after so long,"
    )
    restart_greatest_s: float = Field(
        default=10.0, gt=0, le=3600, description="... twice as long each time, up to this, s."
    )
    log_mib: int = Field(
        default=10, ge=1, le=10_000, description="The server's log file ends at this size, MiB;"
    )
    log_files: int = Field(default=4, ge=1, le=1000, description="... so many of them are kept.")
    authority_days: int = Field(
        default=3650, ge=1, le=36_500, description="A nation's authority is valid for so long, d."
    )
    certificate_days: int = Field(
        default=397, ge=1, le=36_500, description="A server's certificate is valid for so long, d."
    )


class FeedsSettings(BaseModel):
    """What a node's feeds may send it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    greatest_message_bytes: int = Field(
        default=1 << 20,
        ge=64,
        le=1 << 26,
        description="Most bytes of one message, by NATS or HTTP; NATS has a limit of its own.",
    )
    greatest_message_rows: int = Field(
        default=10_000, ge=1, le=1_000_000, description="Most plots of one message."
    )
    rows_s: float = Field(
        default=20_000.0, gt=0, description="Most plots a second of one feed, on the average;"
    )
    burst_s: float = Field(
        default=2.0, gt=0, description="... for so long it may send all at once, s."
    )
    messages_s: float = Field(
        default=2_000.0, gt=0, description="Most messages or datagrams a second of one feed."
    )
    greatest_waiting: int = Field(
        default=256,
        ge=1,
        description="Most messages of one receiver that wait to be taken; more are refused, and "
        "datagrams dropped, both counted.",
    )
    greatest_connections: int = Field(
        default=64, ge=1, description="Most connections to one port at once."
    )
    take_s: float = Field(
        default=10.0,
        gt=0,
        description="What is not taken and in the journal after so long is answered as not taken, "
        "s.",
    )
    idle_s: float = Field(
        default=60.0,
        gt=0,
        description="A connection that sends nothing for so long, or takes so long for one block "
        "or request, is closed, s.",
    )
    greatest_refusals: int = Field(
        default=1000, ge=1, description="Most refused rows kept to be shown, over all feeds."
    )
    resend_s: float = Field(
        default=2.0,
        gt=0,
        description="skypact feed: what is not acknowledged after so long is sent again, s.",
    )
    sent_ahead: int = Field(
        default=32,
        ge=1,
        description="skypact feed: most messages sent and not yet acknowledged.",
    )


class DeskSettings(BaseModel):
    """What a nation's people see in their browsers, and what of it they may do."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    enabled: bool = Field(default=True, description="A node starts its desk.")
    changes_s: float = Field(
        default=0.1,
        ge=0.01,
        le=60,
        description="Changes of a picture are told no more often than this, s.",
    )
    asked_s: float = Field(
        default=1.0,
        ge=0.1,
        le=60,
        description="The desk asks so often how the node is, and says which pictures somebody "
        "looks at, s; the node tells of them for six times as long.",
    )
    alerts_s: float = Field(
        default=1.0,
        ge=0.1,
        le=60,
        description="The desk looks so often at the node's feed of alerts, s.",
    )
    assess_every_s: float = Field(
        default=2.0, ge=0.1, le=600, description="A flight that goes on is assessed so often, s."
    )
    sees_now_s: float = Field(
        default=12.0,
        gt=0,
        description="A radar sees an object now if it saw it within so long, s.",
    )
    urgent_s: float = Field(
        default=300.0, gt=0, description="An impact within so long is most urgent, s."
    )
    partner_back_s: float = Field(
        default=1800.0,
        gt=0,
        le=1e6,
        description="The picture of one partner alone begins with what it sent in so long, s.",
    )
    moment_path_s: float = Field(
        default=300.0,
        ge=0,
        le=1e5,
        description="Of a past moment the paths of so long before are shown, s.",
    )
    recall_s: float = Field(
        default=1800.0,
        ge=0,
        le=1e5,
        description="A node that is started anew recalls the paths of so long before, s.",
    )
    moment_flights: int = Field(
        default=20, ge=0, le=10_000, description="... and what so many tracks meant, newest first."
    )
    moment_wait_s: float = Field(
        default=60.0, gt=0, le=3600, description="A past moment is worked out within so long, s."
    )
    path_points: int = Field(
        default=400,
        ge=10,
        le=100_000,
        description="Most points kept of the path that a track flew; thinned beyond it.",
    )
    path_every_s: float = Field(
        default=1.0, gt=0, le=600, description="A point of it is kept so often, s, at first."
    )
    session_h: float = Field(
        default=12.0, gt=0, le=720, description="Who logs in is logged in for so long, h;"
    )
    idle_h: float = Field(
        default=2.0,
        gt=0,
        le=720,
        description="... and no longer once nothing was asked so long, h.",
    )
    login_tries: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="So many wrong passwords for a name, or ten times as many in all, and logging "
        "in waits",
    )
    login_wait_s: float = Field(default=60.0, gt=0, le=86_400, description="... for so long, s.")
    oidc_wait_s: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="Who is sent to the provider ([desk.oidc] of "
        "node.toml) has to be back within so long, s.",
    )
    oidc_answer_s: float = Field(
        default=10.0, gt=0, le=600, description="The provider has to answer within so long, s."
    )
    oidc_fresh_s: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="The provider asks anew who somebody is if it did so longer ago, s; and a "
        "release can be changed so long after logging in there.",
    )
    oidc_clock_s: float = Field(
        default=60.0, ge=0, le=600, description="The provider's clock may be off by so much, s."
    )
    oidc_again_s: float = Field(
        default=3600.0,
        ge=0,
        le=1e6,
        description="What the provider says of itself is asked for "
        "again after so long, s; its keys also when a token names one that is not known.",
    )
    requests_s: float = Field(
        default=50.0, gt=0, description="Most requests a second of one session, on the average;"
    )
    requests_burst: float = Field(
        default=200.0, ge=1, description="... so many it may send all at once."
    )
    actions_min: float = Field(
        default=60.0, gt=0, description="Most actions a minute of one session: all but reading."
    )
    greatest_streams: int = Field(
        default=200, ge=1, le=100_000, description="Most event streams at once;"
    )
    session_streams: int = Field(
        default=20, ge=1, le=100_000, description="... and of one session."
    )
    greatest_body_bytes: int = Field(
        default=262_144, ge=1024, le=1 << 26, description="Longest body of a request, bytes."
    )
    greatest_text: int = Field(
        default=4000, ge=1, le=100_000, description="Longest comment or text, characters."
    )
    kept_events: int = Field(
        default=600,
        ge=1,
        le=1_000_000,
        description="Events of each stream kept for who comes back after a moment;",
    )
    kept_events_mib: float = Field(
        default=32.0, gt=0, le=1e5, description="... and most of their bytes, MiB."
    )
    waiting_events: int = Field(
        default=100,
        ge=2,
        le=100_000,
        description="A viewer who is behind by more events gets the picture anew.",
    )
    snapshot_points: int = Field(
        default=20_000,
        ge=100,
        le=10_000_000,
        description="Most points of the paths flown that a whole picture holds; thinned beyond it.",
    )


class JournalSettings(BaseModel):
    """How a node keeps what came and went."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rate_kib_s: float = Field(
        default=80.0,
        gt=0,
        description="What is written on the average, KiB/s; with the retention, the quota.",
    )
    retention_h: float = Field(
        default=24.0, gt=0, description="How long entries are kept, hours; late.kept_s at least."
    )
    compaction: bool = Field(
        default=False,
        description="Drop what is older than the oldest checkpoint, before the retention is over.",
    )
    greatest_entry_bytes: int = Field(
        default=1 << 19, ge=1024, le=1 << 25, description="Most bytes of one entry."
    )
    batch_bytes: int = Field(
        default=1 << 18,
        ge=1024,
        le=1 << 25,
        description="Entries that wait while the disk is written go to it together, up to this.",
    )
    batch_s: float = Field(
        default=0.001, ge=0, le=1, description="Entries of so long go to the disk together, s."
    )
    linger_s: float = Field(
        default=0.03,
        ge=0,
        le=1,
        description="Entries that nobody waits for (what came by the live path, what was sent, "
        "clock marks) wait so long for others to go to the disk with, s.",
    )
    in_flight: int = Field(
        default=2, ge=1, le=64, description="Most batches sent to the server and not yet on disk."
    )
    greatest_waiting_mib: float = Field(
        default=64.0,
        gt=0,
        description="Most that waits for the disk, MiB; beyond it entries are refused.",
    )
    answer_s: float = Field(
        default=3.0,
        gt=0,
        description="A server that takes longer to say that a batch is on disk does not answer, s.",
    )
    retry_s: float = Field(
        default=0.2, gt=0, description="How long after a failure it is tried again, s."
    )
    archive_every_h: float = Field(
        default=1.0,
        gt=0,
        description="A checkpoint every so many hours is kept as long as entries are, so that the "
        "replay of a moment begins near it; with compaction none.",
    )


class RecordSettings(BaseModel):
    """Where launches are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    database: str = Field(
        default="",
        description="SQLite's file, or postgresql://user@host/name; empty: record.db, in the "
        "node's store or the working folder.",
    )
    utc_offset_h: float = Field(
        default=9.0,
        ge=-12,
        le=14,
        description="Days are counted by the clock that is this much ahead of UTC, h: that of "
        "Japan and Korea. It is fixed once there are entries.",
    )
    answer_s: float = Field(
        default=10.0, ge=0.1, le=600, description="Patience with a database that is busy, s."
    )
    look_s: float = Field(
        default=5.0,
        ge=0.05,
        le=600,
        description="A node records what ended this often, and tries a record that is gone, s.",
    )
    rows_at_once: int = Field(
        default=1000, ge=1, le=10_000, description="Entries written or read at once."
    )
    same_flight_km: float = Field(
        default=100.0,
        gt=0,
        description="A partner's assessment is of the flight whose impact or launch it puts "
        "within this, km,",
    )
    same_flight_s: float = Field(
        default=60.0, gt=0, description="... at a time that differs by no more than this, s."
    )


class ConsultationSettings(BaseModel):
    """What nations say to each other about an event."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    look_s: float = Field(
        default=1.0, ge=0.05, le=60, description="A node looks for events this often, s."
    )
    assess_s: float = Field(
        default=10.0,
        ge=0.05,
        le=600,
        description="What a nation counts to an event is stated anew when this has passed and it "
        "has changed, s; at once where the number of flights has.",
    )
    same_event_km: float = Field(
        default=150.0,
        gt=0,
        description="Flights are of one event whose launches, or else impacts, are within this, "
        "km,",
    )
    same_event_s: float = Field(
        default=600.0, gt=0, description="... at times that differ by no more than this, s."
    )
    kept_h: float = Field(
        default=168.0,
        gt=0,
        description="An event of which nothing was said for so long is in the record alone, h.",
    )
    greatest_statements: int = Field(
        default=5000,
        ge=100,
        description="Most statements of one nation that are kept; the newest are.",
    )
    shown_flights: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Own flights, the nearest in time, that are assessed when an event is shown.",
    )


class Settings(BaseSettings):
    """All settings of Skypact."""

    model_config = SettingsConfigDict(
        env_prefix="SKYPACT_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    sensing: SensingSettings = SensingSettings()
    tracking: TrackingSettings = TrackingSettings()
    orbits: OrbitSettings = OrbitSettings()
    flight: FlightSettings = FlightSettings()
    warning: WarningSettings = WarningSettings()
    late: LateSettings = LateSettings()
    sharing: SharingSettings = SharingSettings()
    entry: EntrySettings = EntrySettings()
    release: ReleaseSettings = ReleaseSettings()
    node: NodeSettings = NodeSettings()
    link: LinkSettings = LinkSettings()
    feeds: FeedsSettings = FeedsSettings()
    journal: JournalSettings = JournalSettings()
    desk: DeskSettings = DeskSettings()
    record: RecordSettings = RecordSettings()
    consultation: ConsultationSettings = ConsultationSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Python first, then the environment, then the TOML file."""
        toml = TomlConfigSettingsSource(settings_cls, settings_cls.model_config.get("toml_file"))
        return init_settings, env_settings, toml


def load_settings(path: Path | None = None) -> Settings:
    """Settings from a TOML file and the environment.

    Raises SettingsError with file or variable, key, value, and what is allowed.
    """
    if path is not None and not path.is_file():
        raise SettingsError(f"{path}: no such settings file; give one that exists")
    _refuse_unknown_variables()

    class _FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        # A Settings itself: that of a class made here could not be handed to another process.
        return Settings.model_validate(_FromFile().model_dump())
    except ValidationError as error:
        faults = [_sentence(path, fault) for fault in error.errors()]
        raise SettingsError("; ".join(faults)) from error
    except SettingsSourceError as error:
        raise SettingsError(f"environment: {error}; name one setting, as in {_EXAMPLE}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}; correct that line") from error


def limits_of(setting: FieldInfo) -> str:
    """What a setting's number may be: "at least 3, at most 64", or "any"."""
    limits = [
        f"{words} {getattr(mark, sign):.10g}"
        for mark in setting.metadata
        for sign, words in _SIGNS.items()
        if getattr(mark, sign, None) is not None
    ]
    return ", ".join(limits) or "any"


def _refuse_unknown_variables() -> None:
    """Variables that begin as settings do, and are none; pydantic-settings passes them over."""
    known = [
        f"{_PREFIX}{section}__{key}".upper()
        for section, group in _GROUPS.items()
        for key in group.model_fields
    ]
    allowed = {*known, *_NO_SETTINGS, *(f"{_PREFIX}{section}".upper() for section in _GROUPS)}
    for name in sorted(os.environ):
        if name.upper().startswith(_PREFIX) and name.upper() not in allowed:
            section, _, key = name[len(_PREFIX) :].lower().partition("__")
            group = section if section in _GROUPS else nearest(section, _GROUPS)
            near = nearest(key, _GROUPS[group].model_fields) if group and key else None
            meant = f"{_PREFIX}{group}__{near}".upper()
            hint = f'did you mean "{meant}"?' if near else _LEAVE_OUT
            raise SettingsError(f"environment: {name}: no such setting; {hint}")


def _sentence(path: Path | None, fault: Any) -> str:
    """Place, key, value and what to do, of one fault."""
    section, *rest = (str(part) for part in fault["loc"])
    variable = _PREFIX + "__".join((section, *rest)).upper()
    key = ".".join((section, *rest))
    place = str(path) if path else "environment"
    if variable in (name.upper() for name in os.environ):
        place, key = "environment", variable
    if fault["type"] == "extra_forbidden":
        known: Iterable[str] = _GROUPS[section].model_fields if rest else _GROUPS
        return f"{place}: {key}: no such setting; {_hint((section, *rest)[-1], list(known))}"
    given = f"{place}: {key} is {fault['input']!r}"
    if not rest:
        return f"{given}; write its settings below a line [{section}]"
    setting = _GROUPS[section].model_fields[rest[0]]
    if setting.annotation is bool:
        return f"{given}; give true or false"
    number = "a whole number" if setting.annotation is int else "a finite number"
    limits = limits_of(setting)
    return f"{given}; give {number}" + ("" if limits == "any" else f", {limits}")


def _hint(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known)
    return f'did you mean "{near}"?' if near else _LEAVE_OUT


_SIGNS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
_PREFIX = "SKYPACT_"
_LEAVE_OUT = "leave it out; docs/settings.md lists them all"
_EXAMPLE = "SKYPACT_TRACKING__GATE_CHI_SQUARED=25"
_NO_SETTINGS = ("SKYPACT_TRACEBACK", "SKYPACT_SHARED")
"""Variables of the command line and of tests."""
_GROUPS: dict[str, type[BaseModel]] = {
    "sensing": SensingSettings,
    "tracking": TrackingSettings,
    "orbits": OrbitSettings,
    "flight": FlightSettings,
    "warning": WarningSettings,
    "late": LateSettings,
    "sharing": SharingSettings,
    "entry": EntrySettings,
    "release": ReleaseSettings,
    "node": NodeSettings,
    "link": LinkSettings,
    "feeds": FeedsSettings,
    "journal": JournalSettings,
    "desk": DeskSettings,
    "record": RecordSettings,
}

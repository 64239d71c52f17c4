/** Flights that a partner states and sent no track of: in the picture of that partner alone. */
import type { Ellipse, Flight, Place } from "../api/contract";

export function isStated(flight: Pick<Flight, "plots">): boolean {
  return flight.plots === 0;
}

/** Whose statement a track's launch is, where the picture tells none itself; undefined: it does. */
export function launchStatedBy(flight: Pick<Flight, "launch" | "assessments">, picture: string): string | undefined {
  const { launch } = flight;
  return flight.assessments.find(({ nation, own, launch: said }) =>
    !own && picture === `from:${nation}` && said && launch && said.time_ms === launch.time_ms && said.latitude_deg === launch.latitude_deg)?.nation;
}

/**
 * The partner that states the launch in the smallest area, where that is smaller than the area here; undefined:
 * none does. A launch rests on first plots, and a partner's tracklets tell none of its own.
 */
export function closerLaunch({ launch, assessments }: Pick<Flight, "launch" | "assessments">): { nation: string; launch: Place } | undefined {
  const size = ({ semi_major_m, semi_minor_m }: Ellipse): number => semi_major_m * semi_minor_m;
  if (!launch) return undefined;
  return assessments
    .flatMap(({ nation, own, launch: said }) => (!own && said ? [{ nation, launch: said }] : []))
    .filter(({ launch: said }) => size(said.ellipse_95) < size(launch.ellipse_95))
    .sort((a, b) => size(a.launch.ellipse_95) - size(b.launch.ellipse_95))[0];
}

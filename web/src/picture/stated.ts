/** Flights that a partner states and sent no track of: in the picture of that partner alone. */
import type { Flight } from "../api/contract";

export function isStated(flight: Pick<Flight, "plots">): boolean {
  return flight.plots === 0;
}

/** What a flight is called: by its track's number, or by whose and which statement it is. */
export function nameOf(flight: Pick<Flight, "id" | "nations" | "plots">): string {
  return isStated(flight) ? `${flight.nations[0] ?? ""} ${-flight.id}` : String(flight.id);
}

/** Whose statement a track's launch is, where the picture tells none itself; undefined: it does. */
export function launchStatedBy(flight: Pick<Flight, "launch" | "assessments">, picture: string): string | undefined {
  const { launch } = flight;
  return flight.assessments.find(({ nation, own, launch: said }) =>
    !own && picture === `from:${nation}` && said && launch && said.time_ms === launch.time_ms && said.latitude_deg === launch.latitude_deg)?.nation;
}

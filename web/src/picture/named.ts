/** What flights are called: one object has one number in every picture, that of all together. */
import type { Flight } from "../api/contract";
import { TOGETHER } from "./moment";

type Named = Pick<Flight, "id" | "shared_id" | "nations">;

/** Its number in all together; of what is not there, whose picture it is in, and its number in that. */
export function nameOf({ id, shared_id, nations }: Named): string {
  return shared_id === null ? `${nations[0] ?? ""} ${id}`.replace("-", "−") : String(shared_id);
}

/** The same of one that another flight of a picture names by its number there. */
export function nameIn(picture: { name: string; flights: ReadonlyMap<number, Flight> }, id: number, by: Named): string {
  const named = picture.flights.get(id);
  return nameOf(named ?? { id, shared_id: picture.name === TOGETHER ? id : null, nations: by.nations });
}

/** The flight of a picture that has a number in all together; of an object lost and found again the newer, of one only stated none where a track is. */
export function sharedAs<T extends Pick<Flight, "shared_id" | "last_plot_ms" | "plots">>(flights: Iterable<T>, shared_id: number): T | undefined {
  const stated = ({ plots }: T): number => Number(plots === 0);
  return [...flights].filter((one) => one.shared_id === shared_id).sort((a, b) => stated(a) - stated(b) || b.last_plot_ms - a.last_plot_ms)[0];
}

/** Who did what at this desk, for those who administer it. */
import { useEffect, useState } from "preact/hooks";
import type { AuditEntry } from "../api/contract";
import type { Desk } from "../desk";
import { clockTime } from "../words/words";
import { useWords } from "./look";

const AGAIN_MS = 5_000;

export function Audit({ desk }: { desk: Desk }) {
  const say = useWords();
  const [entries, set] = useState<readonly AuditEntry[]>([]);
  const read = async (): Promise<void> => set(await desk.client.audit());
  useEffect(() => {
    void desk.try(read);
    const again = setInterval(() => void read().catch(() => undefined), AGAIN_MS);
    return () => clearInterval(again);
  }, []);
  return (
    <section class="audit" aria-labelledby="audit-title">
      <h2 id="audit-title">{say("audit")}</h2>
      <p class="policy">{say("audit_said")}</p>
      <table>
        <thead><tr><th scope="col">{say("time")}</th><th scope="col">{say("who")}</th><th scope="col">{say("what")}</th><th scope="col">{say("outcome")}</th></tr></thead>
        <tbody>
          {entries.map((one) => (
            <tr key={one.id} class={one.outcome === "done" ? "" : "refused"} title={one.hash}>
              <td>{clockTime(Date.parse(one.time), true)}</td><td>{one.who}</td><td>{one.what}{one.about && `: ${one.about.slice(0, 40)}`}</td><td>{one.outcome}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

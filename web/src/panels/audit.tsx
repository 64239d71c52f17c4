/** Who did what at this desk, for those who administer it. */
import { useEffect, useState } from "preact/hooks";
import type { AuditEntry } from "../api/contract";
import type { Desk } from "../desk";
import { clockTime, hashesShort } from "../words/words";
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
      <div class="scroll"><table>
        <thead><tr><th scope="col">{say("time")}</th><th scope="col">{say("who")}</th><th scope="col">{say("what")}</th><th scope="col">{say("outcome")}</th></tr></thead>
        <tbody>
          {entries.map((one) => (
            <tr key={one.id} class={one.outcome === "done" ? "" : "refused"} title={one.hash}>
              <td class="time">{one.time.slice(0, 10)}<br />{clockTime(Date.parse(one.time))}</td><td class="who">{one.who}</td>
              <td title={one.about}>{one.what}{one.about && `: ${hashesShort(one.about)}`}</td><td>{one.outcome}</td>
            </tr>
          ))}
        </tbody>
      </table></div>
    </section>
  );
}

/** The controller in one process: store, API and tasks. The simulator makes it of the same parts. */
import type { RouteName } from '@gantry/model';
import type { App, Reply, Request } from './api/call.ts';
import { Denials } from './api/denials.ts';
import { dispatch } from './api/pipeline.ts';
import type { Env } from './env.ts';
import type { ImageFiles } from './images/image-files.ts';
import { Mirror } from './placement/mirror.ts';
import type { Remote } from './remote.ts';
import type { Store } from './store/store.ts';
import { allTasks } from './tasks/all-tasks.ts';
import { TaskRunner } from './tasks/runner.ts';
import { Tunnels } from './tunnels.ts';
import { Turns } from './turns.ts';

export class Controller {
  readonly app: App;
  readonly #runner: TaskRunner;

  constructor(parts: { store: Store; env: Env; images: ImageFiles; remote?: Remote }) {
    this.#runner = new TaskRunner(parts.env, parts.store);
    this.app = {
      ...parts,
      tunnels: new Tunnels(parts.env),
      denials: new Denials(parts.store, parts.env),
      turns: new Turns(),
      mirror: new Mirror(parts.store),
      tasks: () => this.#runner.status(),
    };
  }

  /**
   * One request, as over HTTP: authentication, validation, idempotency, audit.
   * @throws GantryError
   */
  call(route: RouteName, request: Omit<Request, 'route'> = {}): Promise<Reply> {
    return dispatch(this.app, { route, ...request });
  }

  /** Runs the background tasks until the signal aborts. */
  run(signal: AbortSignal, off: readonly string[] = []): Promise<void> {
    return this.#runner.run(allTasks(this.app), off, signal);
  }
}

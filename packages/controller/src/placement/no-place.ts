import { GantryError, type PlacementDecision } from '@gantry/model';

/** A refusal that carries what was looked at, to be kept under the request’s id. */
export class NoPlace extends GantryError {
  readonly decision: PlacementDecision;

  constructor({ code, params }: GantryError, decision: PlacementDecision) {
    super(code, params);
    this.decision = decision;
  }
}

// The epochs of many trials as plain columns, by trial number. A row that arrives twice counts once; its trace, which the
// stream leaves out, may come later.

const EPOCH_FIELDS = ["loss", "data_loss", "val_loss", "train_acc", "val_acc", "lr", "seconds"];

export class Curves {
  constructor() { this.byNumber = new Map(); }

  add(row) {
    const curve = this.get(row.number);
    const place = row.epoch - 1;
    if (row.trace) curve.trace[place] = row.trace;
    if (curve.epoch[place] !== undefined) return;
    while (curve.epoch.length < place) pad(curve);
    curve.epoch[place] = row.epoch;
    for (const field of EPOCH_FIELDS) curve[field][place] = row[field] ?? null;
    curve.update_ratio[place] = row.update_ratio || {};
  }

  get(number) {
    if (!this.byNumber.has(number)) this.byNumber.set(number, emptyCurve());
    return this.byNumber.get(number);
  }
}

function emptyCurve() {
  const curve = { epoch: [], update_ratio: [], trace: [] };
  for (const field of EPOCH_FIELDS) curve[field] = [];
  return curve;
}

function pad(curve) {
  curve.epoch.push(undefined);
  for (const field of EPOCH_FIELDS) curve[field].push(null);
}

export function gap(curve) {
  return curve.train_acc.map((train, place) => {
    const val = curve.val_acc[place];
    return train == null || val == null ? null : train - val;
  });
}

// Of values of which there may be very many: as arguments of one call of Math.min they would be too many.
export const minimum = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
export const maximum = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);

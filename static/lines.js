// The lines that the lecture's programs print, letter by letter as Python's %f and %e print them.

export function epochLine(row, epochs) {
  return `Finished epoch ${row.epoch} / ${epochs}: cost ${fixed(row, "loss")}, ` +
    `train: ${fixed(row, "train_acc")}, val ${fixed(row, "val_acc")}, lr ${exponent(row.lr)}`;
}

export function trialLine(trial, total) {
  const accuracy = trial.best_val_acc == null ? "nan" : trial.best_val_acc.toFixed(6);
  return `val acc: ${accuracy}, lr: ${exponent(trial.settings.lr)}, reg: ${exponent(trial.settings.reg)}, ` +
    `(${trial.number + 1} / ${total})`;
}

function fixed(row, name) {
  return row[name] == null ? (row.flags?.[name] ?? "nan") : row[name].toFixed(6);
}

function exponent(value) {
  if (value == null) return "nan";
  return value.toExponential(6).replace(/e([+-])(\d)$/, "e$10$2");
}

/* The one scale of all rows: what is shown, from 0 to the highest of the rows that can be trusted. */

const SORTABLE = [
  "engagement_rate",
  "engagement_times_median",
  "expected_rate",
  "chance_real",
  "views",
  "watch_time_ms",
  "watch_seconds_per_view",
  "roas",
  "expected_roas",
  "conversions",
  "spend",
  "cpa",
];
const LOWER_IS_BETTER = new Set(["cpa"]);
const ROOM = 1.06;

/** A row's value of a field, wherever the row holds it; undefined where it does not. */
function valueOf(item, field, data) {
  const values = [item[field], isObject(item.paid) ? item.paid[field] : undefined, field === data.metric ? item.metric_value : undefined];
  return values.find(isNumber);
}

const fieldsOf = (items, data) => SORTABLE.filter((field) => field === data.metric || items.some((item) => valueOf(item, field, data) !== undefined));

/** What a clone should be expected to earn, on the scale of `field`; undefined where the scale has no such thing. */
function expectedOn(item, field) {
  if (field === "engagement_rate") return item.expected_rate;
  if (field === "roas") return item.expected_roas;
  const { engagement_rate: rate, expected_rate: expected, engagement_times_median: times } = item;
  return field === "engagement_times_median" && rate > 0 && isNumber(expected) && isNumber(times) ? (times * expected) / rate : undefined;
}

/** The median on the scale of `field`, where the result holds one or the scale is counted in medians. */
function medianOn(field, data) {
  if (field === "engagement_times_median") return 1;
  return ["engagement_rate", "expected_rate"].includes(field) && data.median_engagement_rate > 0 ? data.median_engagement_rate : undefined;
}

/** A linear scale from 0 over these rows; `at(value)` is a place in per cent. */
function scaleOf(items, field, data) {
  const median = medianOn(field, data);
  const trusted = items.some((item) => !item.low_sample) ? items.filter((item) => !item.low_sample) : items;
  const values = [...trusted.map((item) => valueOf(item, field, data)), ...items.map((item) => expectedOn(item, field))].filter(isNumber);
  const top = Math.max(0, ...values, median ? 2 * median : 0) * ROOM || 1;
  const at = (value) => `${Math.min(100, Math.max(0, (value / top) * 100)).toFixed(3)}%`;
  return { field, median, at, beyond: (value) => value > top };
}

/** Rows by a field, best first; those without a value behind, small samples last whatever is sorted by. */
function sorted(items, field, data, lowFirst) {
  const sign = lowFirst !== LOWER_IS_BETTER.has(field) ? 1 : -1;
  const key = (item) => [item.low_sample ? 1 : 0, valueOf(item, field, data) === undefined ? 1 : 0, sign * (valueOf(item, field, data) ?? 0)];
  const keyed = items.map((item) => [key(item), item]);
  keyed.sort(([one], [other]) => one[0] - other[0] || one[1] - other[1] || one[2] - other[2]);
  return keyed.map(([, item]) => item);
}

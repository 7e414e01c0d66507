const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

// When shows a date. The client has made a Date of each in the server's answers.
export function When({ date }) {
  return <time dateTime={date.toISOString()}>{format.format(date)}</time>;
}

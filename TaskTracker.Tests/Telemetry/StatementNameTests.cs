using TaskTracker.ServiceDefaults;

namespace TaskTracker.Tests.Telemetry;

public class StatementNameTests
{
    [Theory]
    [InlineData("SELECT t.id FROM tasks AS t WHERE t.id = $1", "SELECT tasks")]
    [InlineData("select *, xmin from tasks where id = $1 for update", "SELECT tasks")]
    [InlineData("INSERT INTO tasks (title) VALUES ($1) RETURNING id", "INSERT tasks")]
    [InlineData("insert into idempotent_answers (key) values ($1) on conflict (key) do update set answer = excluded.answer", "INSERT idempotent_answers")]
    [InlineData("UPDATE \"tasks\" SET title = $1", "UPDATE tasks")]
    [InlineData("DELETE FROM public.reminders WHERE task_id = $1", "DELETE reminders")]
    [InlineData("INSERT INTO tasks (a) VALUES ($1);\nINSERT INTO reminders (a) VALUES ($2)", "INSERT tasks INSERT reminders")]
    [InlineData("with due as (select 1 from reminders for update skip locked), gone as (delete from reminders using due returning 1) insert into notifications select 1", "DELETE reminders INSERT notifications")]
    [InlineData("select pg_notify($1, $2)", "SELECT")]
    [InlineData("LISTEN tasktracker", "LISTEN")]
    [InlineData("", "postgresql")]
    public void A_statement_is_named_by_its_operations_and_tables(string text, string name) =>
        Assert.Equal(name, DatabaseSpans.Summarize(text));
}

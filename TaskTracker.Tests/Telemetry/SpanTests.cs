using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Api.Accounts;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Telemetry;

[Collection(OperationTestsCollection.Name)]
public sealed class SpanTests(OperationsFixture system)
{
    [Fact]
    public async Task The_span_of_a_job_bears_its_name_and_says_what_asked_for_it()
    {
        using var spans = new KeptSpans();
        var user = await system.Api.CreateUserAsync();
        var operation = await user.Client.StartExportAsync();
        await user.Client.EndOfAsync(operation);

        var job = await spans.FindAsync("the job's span", span => Equals(span.GetTagItem("tasktracker.operation.id"), operation.ToString()));
        var request = await spans.FindAsync("the request's span", span => span.DisplayName == "POST /tasks/export"
            && span.TraceId.ToString() == (string?)job.GetTagItem("tasktracker.origin.trace_id"));

        Assert.Equal("export_user_tasks", job.DisplayName);
        Assert.Equal(request.TraceId, Assert.Single(job.Links).Context.TraceId);
        Assert.Equal("0 tasks exported", job.GetTagItem("tasktracker.job.summary"));
        Assert.NotNull(job.GetTagItem("tasktracker.operation.created_at"));
        Assert.NotNull(job.GetTagItem("tasktracker.job.due_at"));
    }

    [Fact]
    public async Task The_statements_of_a_request_and_of_a_job_are_named_by_what_they_do()
    {
        using var spans = new KeptSpans();
        var user = await system.Api.CreateUserAsync();
        await user.Client.CreateTaskAsync("Name me");

        var request = await spans.FindAsync("the request's span", span => span.DisplayName == "POST /tasks"
            && Equals(span.GetTagItem("enduser.id"), Pseudonym(user)));

        await spans.FindAsync("the insert below it", span => span.TraceId == request.TraceId && span.DisplayName.StartsWith("INSERT statistics_marks INSERT tasks", StringComparison.Ordinal));
    }

    private string Pseudonym(ApiUser user) => system.Api.Services.GetRequiredService<UserSpans>().PseudonymOf(user.Id);
}

using Aspire.Hosting.Testing;
using Npgsql;
using TaskTracker.Tests.AppHost;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Browser;

/// <summary>The dashboard as operators use it: a browser against the whole system.</summary>
[Collection(nameof(RunningSystem))]
public sealed class DashboardTests(RunningSystem system, ITestOutputHelper output) : IAsyncLifetime
{
    private NpgsqlDataSource _database = null!;
    private NpgsqlTransaction? _hold;

    public async Task InitializeAsync() => _database = NpgsqlDataSource.Create((await system.App.GetConnectionStringAsync("tasktracker"))!);

    public async Task DisposeAsync()
    {
        await ReleaseAsync(CancellationToken.None);
        await _database.DisposeAsync();
    }

    [BrowserFact]
    public Task Operators_see_and_do_everything_in_the_dashboard_by_two_clicks() => BrowserFlow.RunAsync("dashboard", system, output, AnswerAsync);

    // What the flow asks for: "break 0192…".
    private Task AnswerAsync(string asked, CancellationToken cancellationToken) => asked.Split(' ') switch
    {
        ["break", var operation] => SetFormatAsync(operation, "unknown", cancellationToken),
        ["mend", var operation] => SetFormatAsync(operation, "csv", cancellationToken),
        ["hold", var operation] => HoldAsync(operation, cancellationToken),
        ["release"] => ReleaseAsync(cancellationToken),
        _ => throw new ArgumentOutOfRangeException(nameof(asked), asked, "No flow may ask for this."),
    };

    /// <summary>A format that nobody knows makes every attempt at the export fail.</summary>
    private async Task SetFormatAsync(string operation, string format, CancellationToken cancellationToken)
    {
        await using var update = _database.CreateCommand("update operations set input = jsonb_build_object('format', $1) where id = $2");
        update.Parameters.Add(new() { Value = format });
        update.Parameters.Add(new() { Value = Guid.Parse(operation) });
        Assert.Equal(1, await update.ExecuteNonQueryAsync(cancellationToken));
    }

    /// <summary>Has the export wait to write its first chunk, which somebody else is about to write.</summary>
    private async Task HoldAsync(string operation, CancellationToken cancellationToken)
    {
        var connection = await _database.OpenConnectionAsync(cancellationToken);
        _hold = await connection.BeginTransactionAsync(cancellationToken);
        await using var insert = new NpgsqlCommand("insert into export_chunks (operation_id, chunk_no, data) values ($1, 0, '')", connection)
        {
            Parameters = { new() { Value = Guid.Parse(operation) } },
        };
        await insert.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task ReleaseAsync(CancellationToken cancellationToken)
    {
        if (_hold?.Connection is { } connection)
        {
            await _hold.RollbackAsync(cancellationToken);
            await connection.DisposeAsync();
        }

        _hold = null;
    }
}

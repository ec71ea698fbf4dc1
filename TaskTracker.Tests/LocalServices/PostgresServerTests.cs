using System.Diagnostics;
using System.Runtime.Versioning;
using Npgsql;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.LocalServices;

[UnsupportedOSPlatform("windows")]
public sealed class PostgresServerTests : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private PostgresBinaries binaries = null!;

    public async Task InitializeAsync() =>
        binaries = await PostgresBinaries.GetAsync(LocalFolders.OfUser().Programs, Console.WriteLine, CancellationToken.None);

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_polite_stop_is_fast_and_clean_with_a_client_connected_and_the_data_is_there_at_the_next_start()
    {
        var port = ServerProcess.FreePort();
        var first = await PrepareAsync();
        using var server = await StartAsync(first, port);
        await using var client = new NpgsqlConnection(ConnectionString(first, port));
        await client.OpenAsync();
        await ExecuteAsync(client, "CREATE TABLE kept AS SELECT 42 AS answer");

        using var terminate = Process.Start("kill", ["-TERM", $"{server.Process.Id}"]);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await server.Process.WaitForExitAsync(limit.Token);

        Assert.Equal(0, server.Process.ExitCode);
        Assert.Contains("database system is shut down", server.Output, StringComparison.Ordinal);

        var second = await PrepareAsync();
        using var restarted = await StartAsync(second, port);
        await using var again = new NpgsqlConnection(ConnectionString(second, port));
        await again.OpenAsync();
        Assert.Equal(42, await ExecuteAsync(again, "SELECT answer FROM kept"));
        Assert.DoesNotContain("not properly shut down", restarted.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_ends_with_whoever_started_it()
    {
        var postgres = await PrepareAsync();
        using var server = await StartAsync(postgres, ServerProcess.FreePort());

        // What the end of a process does to the pipes it holds.
        server.Process.StandardInput.Close();

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await server.Process.WaitForExitAsync(limit.Token);
    }

    [Fact]
    public async Task No_command_line_and_no_output_shows_the_password_and_only_its_owner_may_read_it()
    {
        var postgres = await PrepareAsync();
        using var server = await StartAsync(postgres, ServerProcess.FreePort());

        Assert.NotEmpty(postgres.Password);
        Assert.DoesNotContain(postgres.Password, server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(CommandLines(), line => line.Contains(postgres.Password, StringComparison.Ordinal));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder["postgres-18.password"]));
    }

    [Fact]
    public async Task A_wrong_password_is_refused()
    {
        var port = ServerProcess.FreePort();
        var postgres = await PrepareAsync();
        using var server = await StartAsync(postgres, port);

        var refusal = await Assert.ThrowsAsync<PostgresException>(
            () => PostgresHealthCheck.SelectAsync(ConnectionString(postgres with { Password = "wrong" }, port), CancellationToken.None));

        Assert.Equal(PostgresErrorCodes.InvalidPassword, refusal.SqlState);
    }

    [Fact]
    public async Task The_data_of_another_version_is_left_alone_and_named()
    {
        Directory.CreateDirectory(folder["postgres-17"]);

        var refusal = await Assert.ThrowsAsync<LocalServiceException>(PrepareAsync);

        Assert.StartsWith($"{folder["postgres-17"]} holds data of another version", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_of_the_right_name_with_the_data_of_another_version_is_refused_too()
    {
        Directory.CreateDirectory(folder["postgres-18"]);
        await File.WriteAllTextAsync(Path.Combine(folder["postgres-18"], "PG_VERSION"), "17\n");

        var refusal = await Assert.ThrowsAsync<LocalServiceException>(PrepareAsync);

        Assert.StartsWith($"{folder["postgres-18"]} holds data of another version", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_whose_creation_was_interrupted_is_created_anew()
    {
        Directory.CreateDirectory(folder["postgres-18.new"]);
        await File.WriteAllTextAsync(Path.Combine(folder["postgres-18.new"], "PG_VERSION"), "18\n");
        await File.WriteAllTextAsync(folder["postgres-18.password"], "");

        using var server = await StartAsync(await PrepareAsync(), ServerProcess.FreePort());

        Assert.False(Directory.Exists(folder["postgres-18.new"]));
    }

    [Fact]
    public async Task Data_that_a_server_still_uses_is_waited_for()
    {
        var server = await StartAsync(await PrepareAsync(), ServerProcess.FreePort());

        var second = PrepareAsync();
        Assert.False(second.IsCompleted);
        server.Dispose();

        await second;
    }

    private Task<LocalServer> PrepareAsync() =>
        PostgresServer.PrepareAsync(binaries, folder.Path, "tasktracker", durable: false, _ => { }, CancellationToken.None);

    private static Task<ServerProcess> StartAsync(LocalServer postgres, int port) =>
        ServerProcess.StartAsync(postgres.Command, port, () => PostgresForTests.AnswersAsync(ConnectionString(postgres, port)));

    private static string ConnectionString(LocalServer postgres, int port) =>
        $"Host=127.0.0.1;Port={port};Username={PostgresServer.User};Password={postgres.Password};Database=tasktracker;Pooling=false";

    private static async Task<object?> ExecuteAsync(NpgsqlConnection connection, string statement)
    {
        await using var command = new NpgsqlCommand(statement, connection);
        return await command.ExecuteScalarAsync();
    }

    internal static IEnumerable<string> CommandLines()
    {
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), out _)))
        {
            string line;
            try
            {
                line = File.ReadAllText(Path.Combine(process, "cmdline"));
            }
            catch (IOException)
            {
                // It ended meanwhile.
                continue;
            }

            yield return line;
        }
    }
}

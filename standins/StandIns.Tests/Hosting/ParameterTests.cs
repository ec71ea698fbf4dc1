using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace StandIns.Tests.Hosting;

public class ParameterTests
{
    [Fact]
    public async Task A_parameter_comes_from_configuration_also_under_the_name_an_environment_variable_can_have()
    {
        await using var app = new TestApplication("Parameters:plain=one", "Parameters:with_hyphen=two");

        Assert.Equal("one", await app.Builder.AddParameter("plain").Resource.GetValueAsync(app.Limit));
        Assert.Equal("two", await app.Builder.AddParameter("with-hyphen").Resource.GetValueAsync(app.Limit));
    }

    [Fact]
    public async Task A_missing_value_is_shown_and_fails_only_who_needs_it()
    {
        await using var app = new TestApplication();
        var key = app.Builder.AddParameter("key", secret: true);
        var api = app.Builder.AddExecutable("api", "api", ".").WithEnvironment("KEY", key);
        await app.StartAsync();

        Assert.True(app.Notifications.TryGetCurrentState("key", out var state));
        Assert.Equal(KnownResourceStates.ValueMissing, state.Snapshot.State?.Text);
        Assert.Contains("Parameters:key", await app.LogOfAsync(key.Resource), StringComparison.Ordinal);
        await Assert.ThrowsAsync<MissingParameterValueException>(() => app.EnvironmentOfAsync(api.Resource));
    }

    [Fact]
    public async Task A_secret_value_is_published_as_a_sensitive_property()
    {
        await using var app = new TestApplication("Parameters:key=swordfish");
        app.Builder.AddParameter("key", secret: true);
        await app.StartAsync();

        Assert.True(app.Notifications.TryGetCurrentState("key", out var state));
        var value = Assert.Single(state.Snapshot.Properties, property => property.Name == "Value");
        Assert.True(value.IsSensitive);
        Assert.Equal(KnownResourceStates.Running, state.Snapshot.State?.Text);
    }

    [Fact]
    public void A_generated_password_keeps_to_its_rules()
    {
        var rules = new GenerateParameterDefault { MinLength = 22, Special = false, MinNumeric = 3 };

        var passwords = Enumerable.Range(0, 20).Select(_ => rules.GetDefaultValue()).ToList();

        Assert.Equal(passwords.Count, passwords.Distinct().Count());
        Assert.All(passwords, password =>
        {
            Assert.Equal(22, password.Length);
            Assert.True(password.All(char.IsAsciiLetterOrDigit));
            Assert.True(password.Count(char.IsAsciiDigit) >= 3);
        });
    }

    [Fact]
    public async Task A_connection_string_is_there_when_what_it_is_made_of_has_started()
    {
        await using var app = new TestApplication();
        var server = app.Builder.AddExecutable("server", "server", ".").WithEndpoint(name: "tcp");
        var available = new TaskCompletionSource();
        app.Builder.AddConnectionString("link", ReferenceExpression.Create($"at={server.GetEndpoint("tcp").Property(EndpointProperty.Port)}"))
            .OnConnectionStringAvailable((_, _, _) => { available.SetResult(); return Task.CompletedTask; });
        await app.StartAsync();

        await app.Notifications.WaitForResourceAsync("link", KnownResourceStates.Waiting, app.Limit);
        TestApplication.Allocate(server.Resource, "tcp", 9000);
        await app.PublishAsync(server.Resource, KnownResourceStates.Running);

        var change = await app.Notifications.WaitForResourceHealthyAsync("link", app.Limit);
        Assert.Equal("at=9000", change.Snapshot.Properties.Single(property => property.Name == "resource.connectionString").Value);
        await available.Task.WaitAsync(app.Limit);
    }

    [Fact]
    public async Task A_container_ends_the_start_with_one_sentence_that_names_the_way_out()
    {
        await using var app = new TestApplication();
        app.Builder.AddRedis("cache");

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(app.StartAsync);

        Assert.Contains("'cache'", error.Message, StringComparison.Ordinal);
        Assert.Contains("LocalServices:Mode", error.Message, StringComparison.Ordinal);
    }
}

using System.Net;
using System.Security.Cryptography;
using TaskTracker.Tests.Api;

namespace TaskTracker.Tests.Deployment;

[Collection(ApiTests.Name)]
public sealed class RotationTests(ApiFixture api)
{
    [Fact]
    public async Task Another_data_protection_key_has_everybody_log_in_again_and_loses_nothing_else()
    {
        var database = await ApiFactory.CreateDatabaseAsync();
        ApiUser user;
        await using (var before = WithNewKey())
        {
            user = await before.CreateUserAsync();
            await user.Client.CreateTaskAsync("kept");
        }

        await using var after = WithNewKey();
        using var stranger = after.CreateClient(user);
        using var refused = await stranger.GetAsync("/tasks");
        using var client = after.CreateClient();
        using var loggedIn = await client.LogInAsync(user.Name);

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(HttpStatusCode.OK, loggedIn.StatusCode);

        ApiFactory WithNewKey() => new(database, api.Redis, "Production", new Dictionary<string, string>
        {
            ["DataProtection:Key"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
        });
    }
}
